import { afterAll, describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import type { QueueMessage } from "../../src/ports/queue.ts";
import type { Store } from "../../src/ports/store.ts";
import { type AnyTask, defineTask, type TaskContext, TaskError, wait } from "../../src/task.ts";
import { run } from "../../src/tasks/run/run-attempt.ts";
import { createRunTimes } from "../../src/tasks/run-times.ts";
import { createImmediateStarts } from "../../src/tasks/submit/immediate-start.ts";
import type { Submit } from "../../src/tasks/submit/prepare-task.ts";
import { acceptBatch } from "../../src/tasks/submit/submit-batch.ts";
import { accept } from "../../src/tasks/submit/submit-task.ts";
import { environments, freshProject } from "../redis/store-fixture.ts";
import { fetcherOf, queueOf, settingsOf } from "../support/parts.ts";

// Some attempts are given up by a test, and end at their timeout: the store is needed until then.
const underWay: Promise<unknown>[] = [];
afterAll(() => Promise.allSettled(underWay));

/** A gateway over a real store, with one type that starts immediately. */
function gateway(
  store: Store,
  handler: (context: TaskContext<unknown>) => unknown,
  { afterAnswer = Number.POSITIVE_INFINITY }: { readonly afterAnswer?: number } = {},
) {
  const published: QueueMessage[] = [];
  const work: Promise<unknown>[] = [];
  const logged: string[] = [];
  const late = { ms: 0 };
  const clock = () => Date.now() + late.ms;
  const type = defineTask({
    type: "test.quick",
    input: z.unknown(),
    start: "immediate",
    timeout: 5_000,
    handler,
  });
  const ctx = {
    settings: settingsOf({ rateLimit: 1_000 }),
    store,
    queue: queueOf({
      publish: async (message) => void published.push(message),
      publishAll: async (messages) => {
        published.push(...messages);
        return messages.map(() => crypto.randomUUID());
      },
    }),
    sign: createSign(webCrypto),
    hashes: webCrypto,
    keyring: createKeyring(webCrypto, "a master secret for tests, and for nothing else"),
    tasks: new Map<string, AnyTask>([[type.type, type]]),
    services: new Map(),
    background: {
      waitUntil(one: Promise<unknown>): void {
        work.push(one);
        underWay.push(one);
      },
    },
    log: (_level: string, event: string) => void logged.push(event),
    fetcher: fetcherOf(),
    runTimes: createRunTimes(),
    immediate: createImmediateStarts(clock, afterAnswer),
    random: () => 0.5,
    clock,
  };
  const settled = async () => {
    while (work.length > 0) await Promise.all(work.splice(0));
  };
  return { ctx, published, logged, settled, late };
}

const quick = (rest: Partial<Submit> = {}): Submit => ({
  type: "test.quick",
  input: { n: 1 },
  canonical: {},
  ...rest,
});

describe.each(await environments())("an immediate start on the %s engine", (_kind, { store, at }) => {
  const read = async (project: string, id: string, over: Store = store) => {
    const found = await over.readTask({ kind: "system", project }, id, { result: true, input: true });
    if (found.kind !== "found") throw new Error(found.kind);
    return found.record;
  };

  test("runs the handler where the task was accepted, once, without a message of the queue", async () => {
    const caller = await freshProject(store);
    const inputs: unknown[] = [];
    const here = gateway(store, ({ input }) => inputs.push(input));
    const { record } = await accept(here.ctx, caller, quick());
    expect(record).toMatchObject({ status: "running", attempt: 1 });
    expect(inputs).toEqual([]); // the answer comes first
    await here.settled();
    expect(inputs).toEqual([{ n: 1 }]);
    expect(here.published).toEqual([]);
    expect(await read(caller.project, record.id)).toMatchObject({
      status: "succeeded",
      sequence: 3,
      result: { json: "1" },
    });
  });

  test.each<[string, Partial<Submit>]>([
    ["a delay", { delay: 1_000 }],
    ["a delay of nothing", { delay: 0 }],
    ["a time before which it may not start", { notBefore: Date.now() }],
    ["a concurrency key", { concurrencyKey: "customer-42" }],
    ["a timeout that is too long for it", { timeout: 25_001 }],
    ["a caller that has no time after its answer", { queued: true }],
  ])("goes through the queue with %s", async (_what, rest) => {
    const caller = await freshProject(store);
    const here = gateway(store, () => expect.unreachable());
    const { record } = await accept(here.ctx, caller, quick(rest));
    await here.settled();
    expect(record).toMatchObject({ status: "queued", attempt: 0, sequence: 1 });
    expect(here.published).toMatchObject([{ kind: "run", body: { task: record.id, attempt: 1 } }]);
  });

  test("goes through the queue in a batch", async () => {
    const caller = await freshProject(store);
    const here = gateway(store, () => expect.unreachable());
    const { outcomes: items } = await acceptBatch(here.ctx, caller, [quick(), quick()], undefined);
    await here.settled();
    expect(items).toMatchObject([{ record: { status: "queued" } }, { record: { status: "queued" } }]);
    expect(here.published).toHaveLength(2);
  });

  test("goes through the queue while 40 are under way in the process, and no longer", async () => {
    const caller = await freshProject(store);
    const over = Promise.withResolvers<void>();
    const here = gateway(store, () => over.promise);
    const many = await Promise.all(Array.from({ length: 41 }, () => accept(here.ctx, caller, quick())));
    expect(many.filter(({ record }) => record.status === "running")).toHaveLength(40);
    over.resolve();
    await here.settled();
    expect(here.published).toHaveLength(1);
    expect((await accept(here.ctx, caller, quick())).record.status).toBe("running");
    await here.settled();
  });

  test("takes no place for what was refused, failed, or was accepted before", async () => {
    const caller = await freshProject(store);
    const here = gateway(store, () => undefined);
    const idempotencyKey = "once";
    await accept(here.ctx, caller, quick({ idempotencyKey }));
    await here.settled();
    const refusing = { ...here.ctx, store: { ...store, accept: () => Promise.reject(new Error("away")) } };
    const full = { ...here.ctx, settings: settingsOf({ maxOpen: 1 }) };
    await accept(here.ctx, caller, quick({ delay: 60_000 }));
    for (let n = 0; n < 41; n++) {
      expect((await accept(here.ctx, caller, quick({ idempotencyKey }))).replayed).toBe(true);
      await expect(accept(refusing, caller, quick())).rejects.toThrow("away");
      await expect(accept(full, caller, quick())).rejects.toMatchObject({ code: "quota-exceeded" });
    }
    expect((await accept(here.ctx, caller, quick())).record.status).toBe("running");
    await here.settled();
  });

  test("whose answer was lost runs nowhere twice: the same request finds it running", async () => {
    const caller = await freshProject(store);
    let runs = 0;
    const here = gateway(store, () => ++runs);
    const submit = quick({ idempotencyKey: "k" });
    const both = await Promise.all([accept(here.ctx, caller, submit), accept(here.ctx, caller, submit)]);
    await here.settled();
    expect(new Set(both.map(({ record }) => record.id)).size).toBe(1);
    expect(both.map(({ replayed }) => replayed).toSorted()).toEqual([false, true]);
    expect(runs).toBe(1);
    expect(here.published).toEqual([]);
  });

  test("whose accept was answered too late for its lease is left to the queue", async () => {
    const caller = await freshProject(store);
    const here = gateway(store, () => expect.unreachable());
    const slow: Store = {
      ...store,
      accept: async (command) => {
        const answer = await store.accept(command);
        here.late.ms += 5_000;
        return answer;
      },
    };
    const { record } = await accept({ ...here.ctx, store: slow }, caller, quick());
    await here.settled();
    expect(here.logged).toContain("lease-lost");
    expect(await read(caller.project, record.id)).toMatchObject({ status: "running", crashes: 0 });
  });

  test("that was interrupted is taken over by the queue when its lease has ended: the same attempt", async () => {
    const caller = await freshProject(store);
    const stalled = Promise.withResolvers<number>();
    const first = gateway(store, () => stalled.promise);
    const { record } = await accept(first.ctx, caller, quick());
    const message = { v: 1, project: caller.project, task: record.id, run: 1, attempt: 1 } as const;
    expect(await run(first.ctx, message)).toMatchObject({ status: 503 });
    const later = gateway(at(10_001), ({ attempt }) => attempt);
    expect(await run(later.ctx, message)).toEqual({ status: 200 });
    stalled.resolve(2);
    await first.settled(); // it comes back, and changes nothing
    expect(await read(caller.project, record.id)).toMatchObject({
      status: "succeeded",
      attempt: 1,
      crashes: 1,
      result: { json: "1" },
    });
  });

  test("that fails is tried again by the queue", async () => {
    const caller = await freshProject(store);
    const here = gateway(store, () => {
      throw new TaskError("busy", "Come later.");
    });
    const { record } = await accept(here.ctx, caller, quick());
    await here.settled();
    expect(here.published).toMatchObject([{ kind: "run", body: { task: record.id, attempt: 2 } }]);
    expect(await read(caller.project, record.id)).toMatchObject({ status: "queued", attempt: 1 });
  });

  test("that hands its work on leaves the task waiting", async () => {
    const caller = await freshProject(store);
    const here = gateway(store, () => wait({ heartbeat: 1_000 }));
    const { record } = await accept(here.ctx, caller, quick());
    await here.settled();
    const waits = await read(caller.project, record.id);
    expect(waits.status).toBe("waiting");
    expect(waits.heartbeatBy).toBeDefined();
  });

  test("that takes longer than its timeout fails the attempt, and its signal aborts", async () => {
    const caller = await freshProject(store);
    let aborted = false;
    const here = gateway(
      store,
      ({ signal }) =>
        new Promise<void>((done) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            done();
          });
        }),
    );
    const { record } = await accept(here.ctx, caller, quick({ timeout: 50, retries: 0 }));
    await here.settled();
    expect(aborted).toBe(true);
    expect(await read(caller.project, record.id)).toMatchObject({
      status: "failed",
      error: { code: "timeout" },
    });
  });

  test("that leaves less than 10 s of an invocation lets the queue make its first callbacks", async () => {
    const caller = await freshProject(store);
    const callbackUrl = "https://client.example/hooks";
    for (const result of ["end", "waiting"] as const) {
      const callbackEvents = result === "end" ? ["task.succeeded"] : ["task.waiting"];
      const here = gateway(
        store,
        () => {
          here.late.ms += 20_001;
          return result === "end" ? result : wait();
        },
        { afterAnswer: 30_000 },
      );
      const { record } = await accept(here.ctx, caller, quick({ callbackUrl, callbackEvents }));
      await here.settled();
      const { deliveries } = await read(caller.project, record.id);
      expect(here.published).toMatchObject([
        { kind: "deliver", body: { delivery: deliveries[0], attempt: 1 } },
      ]);
      const begun = await store.leaseDelivery({
        project: caller.project,
        delivery: deliveries[0] ?? "",
        attempt: 1,
        lease: "the queue's",
        length: 20_000,
      });
      expect(begun.kind).toBe("begun"); // nobody else holds it
    }
  });
});
