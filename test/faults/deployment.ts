import * as z from "zod/mini";
import { createRingback, defineTask, type Ringback, wait } from "../../src/index.ts";
import type { TaskContext } from "../../src/task.ts";
import { diagnostics, tasks } from "../../src/task-types/index.ts";

/* The gateway that the storm goes over: the one that is shipped, with task types whose handlers are watched. */

const time = z.int().check(z.gte(0), z.lte(60_000));

const toDo = z.strictObject({ witness: z.url(), workMs: time });

/** Reports its beginning and its end, with its run and attempt; works in between. */
async function doWork({ input, task, attempt, signal, progress }: TaskContext<z.output<typeof toDo>>) {
  const execution = crypto.randomUUID();
  const tell = (phase: string) =>
    witness(input.witness, { task: task.id, run: task.run, attempt, execution, phase });
  await tell("begin");
  progress({ percent: 10 });
  await new Promise<void>((done) => {
    setTimeout(done, input.workMs);
    signal.addEventListener("abort", () => done(), { once: true });
  });
  signal.throwIfAborted();
  progress({ percent: 90 });
  await tell("end");
  return { execution };
}

const work = defineTask({ type: "storm.work", input: toDo, retries: 8, handler: doWork });

/** The same, begun where it is accepted. */
const atOnce = defineTask({
  type: "storm.at-once",
  input: toDo,
  retries: 8,
  start: "immediate",
  timeout: 25_000,
  handler: doWork,
});

/** Gives its completion URL away and waits for who has it. */
const handOver = defineTask({
  type: "storm.hand-over",
  input: z.strictObject({ witness: z.url() }),
  retries: 8,
  async handler({ input, task, attempt, token, completionUrl }) {
    const execution = crypto.randomUUID();
    await witness(input.witness, {
      ...{ task: task.id, run: task.run, attempt, execution, phase: "begin" },
      ...{ token, completionUrl },
    });
    return wait();
  },
});

/** Returns text that Redis cannot take once it is escaped, or in UTF-8. */
const tooLarge = defineTask({
  type: "storm.too-large",
  input: z.strictObject({ unit: z.string(), times: z.int() }),
  retries: 8,
  handler: async ({ input }) => input.unit.repeat(input.times),
});

/** On a way of its own, which is never broken: what has happened must be known. */
async function witness(url: string, said: Readonly<Record<string, string | number>>): Promise<void> {
  const [at, on] = [Date.now(), "Deno" in globalThis ? "deno" : "workerd"];
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ at, on, ...said }),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the witness answered ${response.status}`);
}

const connect = createRingback({ tasks: [...tasks, work, atOnce, handOver, tooLarge], diagnostics });
let ringback: Ringback | undefined;

export default {
  async fetch(
    request: Request,
    env: Readonly<Record<string, string>>,
    background: { waitUntil(work: Promise<unknown>): void },
  ): Promise<Response> {
    ringback ??= connect(env);
    // The cron trigger, which neither bare runtime has.
    if (new URL(request.url).pathname === "/storm/sweep") {
      await ringback.scheduled(undefined, env, background);
      return new Response(null, { status: 204 });
    }
    return ringback.fetch(request, background);
  },
};
