import { runCommand } from "../command/failure.ts";
import { readOptions } from "../command/options.ts";
import { openEngine } from "../engine/open.ts";
import { onPort, portIn } from "../stack/port.ts";
import { startQStashServer } from "./server.ts";

/** The port of `qstash dev` (docs: howto/local-development). */
const DEFAULT_PORT = 8080;

readOptions({
  call: "npm run local:qstash --",
  about: "Delivers messages as QStash does, until it is ended.",
  options: {},
  variables: {
    PORT: `where it listens on 127.0.0.1 (default ${DEFAULT_PORT})`,
    REDIS_URL: "the Redis that keeps its messages, redis://…; else memory",
  },
});

await runCommand(async () => {
  const port = portIn(process.env, DEFAULT_PORT);
  const engine = await openEngine(process.env["REDIS_URL"]);
  const { close, ...address } = await onPort(port, (own) => startQStashServer({ engine, port: own }));

  let isStopping = false;
  const stop = async () => {
    if (isStopping) return;
    isStopping = true;
    await close();
    await engine.close();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);

  console.log(`ready ${JSON.stringify(address)}`);
});
