import { openEngine } from "../engine/open.ts";
import { startRedisServer } from "./server.ts";

const engine = await openEngine(process.env["REDIS_URL"]);
const server = await startRedisServer({
  engine,
  port: Number(process.env["PORT"] ?? 8079),
  token: process.env["UPSTASH_REDIS_REST_TOKEN"] ?? "local-redis-token",
});
console.log(`ready ${JSON.stringify({ url: server.url, token: server.token })}`);

const stop = async () => {
  await server.close();
  await engine.close();
  process.exit(0);
};
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
