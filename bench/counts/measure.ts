import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { HOLD } from "../../src/tasks/read/stream-events.ts";
import { type CallbackReceiver, startReceiver } from "../load.ts";
import type { Count, Counts } from "../results.ts";
import { median } from "../statistics.ts";
import { type Deployment, startDeployment } from "./deployment.ts";

const MINUTE = 60_000;

/** Sweeps of the cron trigger in a day, and of the QStash schedule that backs it up (scripts/schedule.ts). */
const SWEEPS_A_DAY = 1_440;
const BACKUPS_A_DAY = 48;

/** The sweeps of one round of the hint: it asks for the time in one of as many. */
const SWEEPS = 30;

const TASKS = 5;

/** How long a task waits in a concurrency line, in minutes. */
const LINE = 60;

/**
 * Counts the requests, commands and messages of the gateway.
 *
 * @param options.stream whether a live stream is counted, which takes half a minute
 */
export async function measureCounts(options: { readonly stream: boolean }): Promise<Counts> {
  const deployment = await startDeployment();
  const receiver = await startReceiver();
  try {
    const task = (type: string, input: unknown) => () => run(deployment, receiver, type, input);
    const flaky = (failures: number) => task("diagnostics.flaky", { failures });
    await deployment.count(flaky(1)); // loads the scripts
    const happy = await usual(deployment, task("diagnostics.echo", { order: 1 }));
    const immediate = await usual(deployment, task("bench.immediate-echo", { order: 1 }));
    const [smooth, retried] = [await deployment.count(flaky(0)), await deployment.count(flaky(1))];
    return {
      happy,
      immediate,
      retry: combine(retried, smooth, (a, b) => a - b),
      waitingInLine: { ...(await waitInLine(deployment)), minutes: LINE },
      idleDay: await idleDay(deployment),
      wait: await usual(deployment, await waiting(deployment)),
      ...(options.stream && { streamMinute: await streamMinute(deployment) }),
    };
  } finally {
    await deployment.stop();
    await receiver.stop();
  }
}

/** The median over a few, because the first task of an hour costs more. */
async function usual({ count }: Deployment, work: () => Promise<void>): Promise<Count> {
  const counts: Count[] = [];
  for (let n = 0; n < TASKS; n++) counts.push(await count(work));
  const of = (key: keyof Count) => median(counts.map((one) => one[key]));
  return {
    requests: of("requests"),
    commands: of("commands"),
    messages: of("messages"),
    publishes: of("publishes"),
  };
}

function combine(a: Count, b: Count, by: (a: number, b: number) => number): Count {
  return {
    requests: by(a.requests, b.requests),
    commands: by(a.commands, b.commands),
    messages: by(a.messages, b.messages),
    publishes: by(a.publishes, b.publishes),
  };
}

const NOTHING: Count = { requests: 0, commands: 0, messages: 0, publishes: 0 };

const accepted = z.object({ id: z.string() });

async function submit({ call }: Deployment, body: object, headers = {}): Promise<string> {
  const answer = await call("POST", "/v1/tasks", body, headers);
  const text = await answer.text();
  if (answer.status !== 202) throw new Error(`a task was answered ${answer.status}: ${text}`);
  return accepted.parse(JSON.parse(text)).id;
}

/** A task with an idempotency key, until its callback has arrived and is recorded. */
async function run(
  deployment: Deployment,
  receiver: CallbackReceiver,
  type: string,
  input: unknown,
): Promise<void> {
  const { url, arrived } = receiver.expect();
  await submit(deployment, { type, input, callbackUrl: url }, { "idempotency-key": crypto.randomUUID() });
  await arrived;
}

/** The looks of the sweep at a task that QStash holds because another task has its concurrency key. */
async function waitInLine(deployment: Deployment): Promise<Count> {
  const body = { type: "diagnostics.flaky", concurrencyKey: "one", retries: 0 };
  const first = await submit(deployment, { ...body, input: { failures: 0, sleepMs: MINUTE } });
  await until(deployment, first, "running");
  const second = await submit(deployment, { ...body, input: { failures: 0 } });
  let total = NOTHING;
  for (let waited = 0; waited < LINE * MINUTE; ) {
    waited += await deployment.hasten(second);
    total = combine(total, await deployment.countSweep(), (a, b) => a + b);
  }
  await cancel(deployment, second);
  await cancel(deployment, first);
  return total;
}

async function cancel({ call }: Deployment, id: string): Promise<void> {
  const answer = await call("POST", `/v1/tasks/${id}/cancel`);
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`cancel was answered ${answer.status}`);
}

const LOOKS = 200;

async function until({ call }: Deployment, id: string, status: string): Promise<void> {
  for (let looks = 0; looks < LOOKS; looks++) {
    const seen = z.object({ status: z.string() }).parse(await (await call("GET", `/v1/tasks/${id}`)).json());
    if (seen.status === status) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${id} is not ${status}`);
}

async function idleDay(deployment: Deployment): Promise<Count> {
  let total = NOTHING;
  for (let n = 0; n < SWEEPS; n++) {
    total = combine(total, await deployment.countSweep(), (a, b) => a + b);
  }
  const sweeps = SWEEPS_A_DAY + BACKUPS_A_DAY;
  const day = combine(total, total, (a) => (a / SWEEPS) * sweeps);
  return { ...day, messages: day.messages + BACKUPS_A_DAY };
}

/** A GET that waits a second for a task that does not end. */
async function waiting(deployment: Deployment): Promise<() => Promise<void>> {
  const id = await submit(deployment, { type: "diagnostics.echo", input: 1, delay: "10m" });
  return async () => {
    await (await deployment.call("GET", `/v1/tasks/${id}`, undefined, { prefer: "wait=1" })).text();
  };
}

/** How long a stream's opening is counted, and then its silence, milliseconds. */
const OPENING = 5_000;
const SILENCE = 25_000;

/**
 * A minute of a live stream of a task in which nothing happens. Its client opens it again whenever the gateway has held
 * it long enough: the cost of an opening and of the silence after it is spread over that time.
 */
async function streamMinute(deployment: Deployment): Promise<Count> {
  const id = await submit(deployment, { type: "diagnostics.echo", input: 1, delay: "10m" });
  const streams: Response[] = [];
  const opening = await deployment.count(async () => {
    const headers = { accept: "text/event-stream" };
    streams.push(await deployment.call("GET", `/v1/tasks/${id}/events`, undefined, headers));
    await sleep(OPENING);
  });
  const silence = await deployment.count(() => sleep(SILENCE));
  for (const one of streams) await one.body?.cancel();
  const held = combine(opening, silence, (a, b) => a + (b * (HOLD - OPENING)) / SILENCE);
  return combine(held, held, (a) => a / (HOLD / MINUTE));
}
