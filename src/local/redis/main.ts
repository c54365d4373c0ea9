import { runCommand } from "../command/failure.ts";
import { readOptions } from "../command/options.ts";
import { openEngine } from "../engine/open.ts";
import { onPort, portIn } from "../stack/port.ts";
import { startRedisServer } from "./server.ts";

readOptions({
  call: "npm run local:redis --",
  about: "Serves Redis as Upstash does, until it is ended.",
  options: {},
  variables: {
    PORT: "where it listens on 127.0.0.1 (default 8079)",
    REDIS_URL: "the Redis under it, redis://…; else an embedded one",
    UPSTASH_REDIS_REST_TOKEN: "the token that it takes (default local-redis-token)",
  },
});

await runCommand(async () => {
  const port = portIn(process.env, 8079);
  const token = process.env["UPSTASH_REDIS_REST_TOKEN"] || "local-redis-token";
  const engine = await openEngine(process.env["REDIS_URL"]);
  const server = await onPort(port, (own) => startRedisServer({ engine, port: own, token }));
  const stop = async () => {
    await server.close();
    await engine.close();
    process.exit(0);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  console.log(`ready ${JSON.stringify({ url: server.url, token: server.token })}`);
});
