import { openEngine } from "../engine/open.ts";
import { startQStashServer } from "./server.ts";

/** The port of `qstash dev` (docs: howto/local-development). */
const DEFAULT_PORT = 8080;

const engine = await openEngine(process.env["REDIS_URL"]);
const { close, ...address } = await startQStashServer({
  engine,
  port: Number(process.env["PORT"] || DEFAULT_PORT),
});

let isStopping = false;
async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  await close();
  await engine.close();
}
process.on("SIGINT", stop);
process.on("SIGTERM", stop);

console.log(`ready ${JSON.stringify(address)}`);
