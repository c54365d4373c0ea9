import { setTimeout as sleep } from "node:timers/promises";
import { freshBuild } from "../../scripts/fresh.ts";
import { readConfig } from "../config/config.ts";
import { CommandFailure, failureLine } from "./command/failure.ts";
import { readOptions } from "./command/options.ts";
import { gatewayVariables } from "./environment.ts";
import { makeKey, makeProject, untilAnswered } from "./stack/admin.ts";
import { startOnDeno } from "./stack/deno.ts";
import type { Gateway } from "./stack/gateway.ts";
import { freePort, portIn } from "./stack/port.ts";
import { startServices } from "./stack/services.ts";
import { startOnWorkerd } from "./stack/workerd.ts";

readOptions({
  call: "npm start --",
  about: "Starts the gateway and the stand-ins that it needs, until it is ended.",
  options: {},
  variables: {
    PORT: "where the gateway listens on 127.0.0.1 (default 8787)",
    RUNTIME: "workerd or deno (default workerd)",
    REDIS_URL: "the Redis under the stand-ins, redis://…; else an embedded one",
    "RINGBACK_…, UPSTASH_…, QSTASH_…": "the gateway's own: see docs/configuration.md",
  },
});

const RUNTIMES = { workerd: startOnWorkerd, deno: startOnDeno } as const;

const closes: (() => Promise<void>)[] = [];
const stopping = new AbortController();

/** How long the parts may take to close; what is left then ends with the process. */
const GRACE_MS = 5_000;

let closing: Promise<unknown> | undefined;

/** Ends everything, the last started first, and the process with it. Ctrl-C comes twice: from the terminal and from npm. */
async function end(code: number): Promise<never> {
  stopping.abort();
  closing ??= Promise.race([
    Promise.allSettled(closes.toReversed().map((close) => close())),
    sleep(GRACE_MS),
  ]);
  await closing;
  process.exit(code);
}

/** Makes the signals ours alone: Miniflare puts a listener there that would end the process with 130. */
function takeSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => void end(0));
  }
}

function runtimeOf(name: string): keyof typeof RUNTIMES {
  if (name === "workerd" || name === "deno") return name;
  throw new CommandFailure("RUNTIME must be workerd or deno");
}

async function start(): Promise<void> {
  takeSignals();
  const runtime = runtimeOf(process.env["RUNTIME"] || "workerd");
  const port = await freePort(portIn(process.env, 8787));
  const url = `http://127.0.0.1:${port}`;
  const built = timed(
    "build",
    freshBuild(),
    ({ made }) => `dist/worker, dist/assets${made ? "" : ", up to date"}`,
  );
  const services = await timed("stand-ins", startServices(process.env), ({ summary }) => summary);
  closes.push(services.close);

  const variables = gatewayVariables(services.variables, url);
  const { sweepInterval } = readConfig(variables);
  const launch = RUNTIMES[runtime]({ port, variables, build: await built, sweepEvery: sweepInterval });
  const gateway = await timed("gateway", launch, () => `${runtime} on ${url}`);
  closes.push(gateway.close);
  takeSignals();
  watch(gateway);
  await services.openQueue();

  const admin = { url, token: variables["RINGBACK_ADMIN_TOKEN"] ?? "" };
  const apiKey = await untilAnswered(async () => {
    await makeProject(admin, "default");
    return await makeKey(admin, { project: "default", scopes: ["admin"], name: "npm start" });
  }, stopping.signal);
  announce({
    url: variables["RINGBACK_PUBLIC_URL"] ?? url,
    apiKey,
    adminToken: admin.token,
    redis: services.redis,
    runtime,
  });
}

/** A line once a step is done, so that nobody waits before a silent terminal. */
async function timed<T>(step: string, work: Promise<T>, say: (done: T) => string): Promise<T> {
  const began = performance.now();
  const done = await work;
  console.log(`${step}: ${say(done)} (${Math.round(performance.now() - began)} ms)`);
  return done;
}

function watch(gateway: Gateway): void {
  void gateway.crashed.then((reason) => {
    if (stopping.signal.aborted) return;
    console.error(`gateway: ${reason}`);
    void end(1);
  });
}

function announce(
  ready: Readonly<Record<"url" | "apiKey" | "adminToken" | "redis" | "runtime", string>>,
): void {
  const { url, apiKey, adminToken, redis, runtime } = ready;
  console.log(
    `ready ${JSON.stringify({ url, apiKey, adminToken, console: `${url}/console`, redis, runtime })}`,
  );
  console.log(`
Try it:

curl -i ${url}/v1/tasks \\
  -H 'Authorization: Bearer ${apiKey}' \\
  -H 'Content-Type: application/json' \\
  -d '{
    "type": "report.generate",
    "input": {
      "csv": "region,amount\\nnorth,10\\nsouth,5\\nnorth,7\\n",
      "groupBy": "region",
      "aggregate": {"amount": "sum"}
    }
  }'
`);
}

try {
  await start();
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(failureLine(error));
    await end(1);
  }
}
