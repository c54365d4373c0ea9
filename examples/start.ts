import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailure, failureLine } from "../src/local/command/failure.ts";
import { readOptions } from "../src/local/command/options.ts";
import { gatewayVariables } from "../src/local/environment.ts";
import { root } from "../src/local/root.ts";
import { makeKey, makeProject, untilAnswered } from "../src/local/stack/admin.ts";
import { freePort, holdPort, portIn } from "../src/local/stack/port.ts";
import { startServices, type Variables } from "../src/local/stack/services.ts";
import { bareProgram, bundleFor } from "../test/support/bare-runtime.ts";
import type { Example, ExampleProgram, Ports } from "./run/example.ts";
import { EXAMPLES } from "./run/examples.ts";
import { startProgram } from "./run/program.ts";

const NAMES = Object.keys(EXAMPLES);
const named = process.argv[2] ?? "";
const name = named.startsWith("-") ? "" : named;
readOptions(
  {
    call: "npm run example NAME --",
    about: `Runs a worked example with everything that it needs, until it is ended: ${NAMES.join(", ")}.`,
    options: {},
    variables: {
      PORT: "where the gateway listens on 127.0.0.1 (default 8787); 0: free ports for it and for all programs",
      RUNTIME: "workerd or deno (default workerd)",
      REDIS_URL: "the Redis under the stand-ins, redis://…; else an embedded one",
    },
  },
  process.argv.slice(name === "" ? 2 : 3),
);

const closes: (() => Promise<void>)[] = [];
const stopping = new AbortController();
/** How long the parts may take to close; what is left then ends with the process. */
const GRACE_MS = 8_000;
let closing: Promise<unknown> | undefined;

/** Ends everything, the last started first, and the process with it. */
async function end(code: number): Promise<never> {
  stopping.abort();
  closing ??= Promise.race([closeAll(), sleep(GRACE_MS)]);
  await closing;
  process.exit(code);
}

async function closeAll(): Promise<void> {
  for (const close of closes.toReversed()) await close();
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void end(0));

/** Starts a program; if it ends by itself, so does the example. */
async function run(program: Parameters<typeof startProgram>[0]): Promise<void> {
  stopping.signal.throwIfAborted();
  const { crashed, stop } = await startProgram(program);
  closes.push(stop);
  void crashed.then((reason) => {
    if (stopping.signal.aborted) return;
    console.error(reason);
    void end(1);
  });
}

function runAll(programs: readonly ExampleProgram[]): Promise<void> {
  return programs.reduce(
    (before, { file, env, ready }) =>
      before.then(() =>
        run({
          name: file,
          command: process.execPath,
          args: [join(root, "examples", name, file)],
          env,
          ready,
        }),
      ),
    Promise.resolve(),
  );
}

/** The example's own ports, those that are taken replaced. */
async function portsOf({ ports }: Example, anyPort: boolean): Promise<Ports> {
  const held = await Promise.all(
    Object.entries(ports).map(async ([of, usual]) => ({ of, ...(await holdPort(anyPort ? 0 : usual)) })),
  );
  await Promise.all(held.map(({ release }) => release()));
  return Object.fromEntries(held.map(({ of, port }) => [of, port]));
}

function checkNeeds({ needs = {} }: Example): void {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  for (const [program, from] of Object.entries(needs)) {
    if (!folders.some((folder) => existsSync(join(folder, program))))
      throw new CommandFailure(`${name} needs ${program}; type: sudo apt-get install -y ${from}`);
  }
}

async function start(one: Example): Promise<void> {
  checkNeeds(one);
  const runtime = process.env["RUNTIME"] || "workerd";
  if (runtime !== "workerd" && runtime !== "deno")
    throw new CommandFailure("RUNTIME must be workerd or deno");
  const wanted = portIn(process.env, 8787);
  const port = await freePort(wanted);
  const ports = await portsOf(one, wanted === 0);
  const folder = await mkdtemp(join(tmpdir(), `ringback-${name}-`));
  closes.push(() => rm(folder, { recursive: true, force: true }));
  await runAll(one.programs(ports, folder));

  const services = await startServices(process.env);
  closes.push(services.close);
  const url = `http://127.0.0.1:${port}`;
  const variables = { ...gatewayVariables(services.variables, url), ...one.variables(ports) };
  const bundle = join(folder, "gateway");
  await bundleFor(runtime, `examples/${name}/main.ts`, join(bundle, "worker.mjs"));
  const gateway = await bareProgram(runtime, bundle, "worker.mjs", { port, env: variables });
  await run({ name: "gateway", env: {}, quiet: true, ...gateway });
  await services.openQueue();

  const admin = { url, token: variables["RINGBACK_ADMIN_TOKEN"] ?? "" };
  const key = await untilAnswered(async () => {
    await makeProject(admin, "default");
    return await makeKey(admin, { project: "default", scopes: ["admin"], name: `example ${name}` });
  }, stopping.signal);
  if (!process.env["QSTASH_URL"]) await sweepEachMinute(url, services.variables);
  await runAll(one.clients?.(ports, folder, { url, key }) ?? []);
  console.log(`ready ${JSON.stringify({ example: name, url, apiKey: key, runtime })}

Paste this into another terminal, in this folder:

export URL=${url} KEY=${key}
${one.commands(ports).join("\n")}
`);
}

/** The bare runtime has no cron trigger: the queue's stand-in calls the sweep, as the backup schedule of a deployment. */
async function sweepEachMinute(url: string, variables: Variables): Promise<void> {
  const response = await fetch(`${variables["QSTASH_URL"]}/v2/schedules/${url}/internal/sweep`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${variables["QSTASH_TOKEN"]}`,
      "content-type": "application/json",
      "upstash-schedule-id": "ringback-sweep",
      "upstash-cron": "* * * * *",
      "upstash-retries": "0",
    },
    body: JSON.stringify({ v: 1 }),
  });
  await response.body?.cancel();
  if (!response.ok) throw new CommandFailure(`the stand-in made no schedule: it answered ${response.status}`);
}

try {
  const one = EXAMPLES[name];
  if (one === undefined)
    throw new CommandFailure(
      `there is no example ${JSON.stringify(named)}; name one of: ${NAMES.join(", ")}`,
    );
  await start(one);
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(failureLine(error));
    await end(1);
  }
}
