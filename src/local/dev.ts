import { join } from "node:path";
import { runChild } from "./child.ts";
import { runCommand } from "./command/failure.ts";
import { gatewayVariables } from "./environment.ts";
import { root } from "./root.ts";
import { freePort, portIn } from "./stack/port.ts";
import { startServices } from "./stack/services.ts";

/** `wrangler dev` on the local stand-ins: it bundles again whenever a source changes. */
await runCommand(async () => {
  const port = await freePort(portIn(process.env, 8787));
  const services = await startServices(process.env);
  await services.openQueue();
  console.log(`stand-ins: ${services.summary}`);
  const variables = gatewayVariables(services.variables, `http://127.0.0.1:${port}`);
  const vars = Object.entries(variables).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
  const code = await runChild(
    process.execPath,
    [
      wrangler,
      "dev",
      "--ip",
      "127.0.0.1",
      "--port",
      `${port}`,
      "--test-scheduled",
      ...vars,
      ...process.argv.slice(2),
    ],
    { WRANGLER_SEND_METRICS: "false" },
  );
  await services.close();
  process.exit(code);
});
