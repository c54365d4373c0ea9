import { gatewayVariables } from "../src/local/environment.ts";
import { makeKey, makeProject, untilAnswered } from "../src/local/stack/admin.ts";
import { startServices } from "../src/local/stack/services.ts";
import { host } from "../test/support/host.ts";

/* Runs the deployment of one example to try it: node examples/start.ts <name>, with the variables that it reads. No sweep. */

const [name = ""] = process.argv.slice(2);
const own = Object.entries(process.env).filter(
  (entry): entry is [string, string] => /_(URL|TOKEN)$/.test(entry[0]) && Boolean(entry[1]),
);
const services = await startServices(process.env);
let variables: Readonly<Record<string, string>> = {};
const runtime = process.env["RUNTIME"] === "deno" ? "deno" : "workerd";
const { url, stop } = await host(runtime, `examples/${name}/main.ts`, (address) => {
  variables = gatewayVariables(services.variables, address);
  return { ...Object.fromEntries(own), ...variables };
});
await services.openQueue();

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    stopping.abort();
    void stop()
      .then(services.close)
      .then(() => process.exit(0));
  });
}
const admin = { url, token: variables["RINGBACK_ADMIN_TOKEN"] ?? "" };
await untilAnswered(() => makeProject(admin, "default"), stopping.signal);
const key = await makeKey(admin, { project: "default", scopes: ["admin"], name: `example ${name}` });
console.log(`gateway: ${runtime}\nexport URL=${url} KEY=${key}`);
