import { readFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";
import * as z from "zod";
import { readOptions } from "../src/local/command/options.ts";
import { root } from "../test/support/process.ts";
import { type Runtime, startBacking, startGateway } from "../test/support/stack.ts";
import { startFloor } from "./floor.ts";
import { acceptRound, type CallbackReceiver, type Contender, callbackRound, startReceiver } from "./load.ts";
import { medianOf, type Sample } from "./sample.ts";
import { type Row, table } from "./table.ts";

/*
 * The gateway's overhead over the least that its services allow. Everything runs at once on one machine (redis-server,
 * both stand-ins, the runtimes, the load), so the absolute figures are the machine's; the ratios are the gateway's.
 * Rounds of the contenders alternate, so that other load of the machine falls on all of them; a figure is the
 * median over the rounds.
 */

const { rounds, ...round } = readOptions({
  call: "npm run bench --",
  about: "Compares what the gateway costs with the least that its services allow.",
  options: {
    rounds: {
      kind: "number",
      value: "N",
      about: "rounds of each contender",
      least: 1,
      whole: true,
      default: 3,
    },
    seconds: { kind: "number", value: "S", about: "length of a round", least: 0.1, default: 3 },
    concurrency: {
      kind: "number",
      value: "N",
      about: "requests at a time",
      least: 1,
      whole: true,
      default: 16,
    },
  },
});

const INPUT = { order: "o-1", items: [1, 2, 3], note: "what a small task carries" };
const RUNTIMES = ["workerd", "deno"] as const satisfies readonly Runtime[];

interface Field {
  readonly runtime: Runtime;
  readonly gateway: Contender;
  /** The gateway with tasks whose start lies ahead: the cost of accepting, without any run at the same time. */
  readonly later: Contender;
  readonly script: Contender;
  readonly glue: Contender;
  stop(): Promise<void>;
}

async function enter(runtime: Runtime, backing: Awaited<ReturnType<typeof startBacking>>): Promise<Field> {
  const [gateway, script, glue] = await Promise.all([
    startGateway(runtime, backing, {
      env: {
        RINGBACK_RATE_LIMIT: "100000",
        RINGBACK_READ_LIMIT: "100000",
        RINGBACK_MAX_OPEN: "100000000",
      },
    }),
    startFloor("script", runtime, backing),
    startFloor("glue", runtime, backing),
  ]);
  const ours = (name: string, extra: object): Contender => ({
    name,
    url: gateway.url,
    path: "/v1/tasks",
    headers: { authorization: `Bearer ${gateway.apiKey}` },
    body: (callbackUrl) => JSON.stringify({ type: "diagnostics.echo", input: INPUT, callbackUrl, ...extra }),
  });
  const floor = (name: string, url: string): Contender => ({
    name,
    url,
    path: "/tasks",
    headers: {},
    body: (callbackUrl) => JSON.stringify({ input: INPUT, callbackUrl }),
  });
  return {
    runtime,
    gateway: ours("gateway", {}),
    later: ours("gateway", { delay: "2h" }),
    script: floor("floor: one EVALSHA", script.url),
    glue: floor("floor: hand-written glue", glue.url),
    stop: async () => {
      await Promise.all([gateway.running.stop(), script.stop(), glue.stop()]);
    },
  };
}

/** Lets the contenders take turns; a first short turn each, not counted, warms them up. */
async function compare(
  run: (contender: Contender, seconds: number) => Promise<Sample>,
  pairs: readonly { runtime: Runtime; ours: Contender; floor: Contender }[],
): Promise<Row[]> {
  const samples = new Map<Contender, Sample[]>();
  for (let turn = 0; turn <= rounds; turn++) {
    for (const contender of pairs.flatMap(({ ours, floor }) => [ours, floor])) {
      const result = await run(contender, turn === 0 ? 1 : round.seconds);
      if (turn > 0) samples.set(contender, [...(samples.get(contender) ?? []), result]);
    }
    process.stderr.write(turn === 0 ? "warmed up\n" : `round ${turn} of ${rounds}\n`);
  }
  return pairs.flatMap(({ runtime, ours, floor }) => {
    const least = medianOf(samples.get(floor) ?? []);
    return [
      { runtime, contender: floor.name, sample: least },
      { runtime, contender: ours.name, sample: medianOf(samples.get(ours) ?? []), floor: least },
    ];
  });
}

async function measure(fields: readonly Field[], receiver: CallbackReceiver): Promise<void> {
  const accept = await compare(
    (contender, seconds) => acceptRound(contender, { ...round, seconds }),
    fields.map(({ runtime, later, script }) => ({ runtime, ours: later, floor: script })),
  );
  console.log(`\nAccept: POST until the 202, nothing runs at the same time\n\n${table("202", accept)}`);
  const pairs = fields.map(({ runtime, gateway, glue }) => ({ runtime, ours: gateway, floor: glue }));
  const crowded = await compare(
    (contender, seconds) => callbackRound(contender, receiver, { ...round, seconds }),
    pairs,
  );
  console.log(`\nSubmit to callback: POST until the callback has arrived\n\n${table("tasks", crowded)}`);
  const alone = await compare(
    (contender, seconds) => callbackRound(contender, receiver, { concurrency: 1, seconds }),
    pairs,
  );
  console.log(`\nSubmit to callback, one task at a time\n\n${table("tasks", alone)}`);
}

async function versionOf(name: string): Promise<string> {
  const text = await readFile(join(root, "node_modules", name, "package.json"), "utf8");
  return `${name} ${z.object({ version: z.string() }).parse(JSON.parse(text)).version}`;
}

const [cpu] = cpus();
const versions = await Promise.all(["workerd", "deno"].map(versionOf));
console.log(
  `${cpu?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; ` +
    `node ${process.versions.node}, ${versions.join(", ")}; ` +
    `${rounds} rounds of ${round.seconds} s, ${round.concurrency} at a time`,
);

const backing = await startBacking("real");
const receiver = await startReceiver();
const fields: Field[] = [];
try {
  for (const runtime of RUNTIMES) fields.push(await enter(runtime, backing));
  await measure(fields, receiver);
} finally {
  await Promise.all(fields.map((field) => field.stop()));
  await receiver.stop();
  await backing.stop();
}
