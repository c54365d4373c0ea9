import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import type { QueueMessage } from "../../src/ports/queue.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Service } from "../../src/services/service.ts";
import { type AnyTask, defineTask, type TaskContext, TaskError } from "../../src/task.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { run } from "../../src/tasks/run/run-attempt.ts";
import { createRunTimes } from "../../src/tasks/run-times.ts";
import { retryAfter } from "../../src/tasks/view.ts";
import { taskRecord } from "../http/gateway.ts";
import { accepted, environments } from "../redis/store-fixture.ts";
import { fetcherOf, queueOf, settingsOf } from "../support/parts.ts";

const MINUTE = 60_000;
const concurrency = { perKey: 1, perProject: 40 };

/** The run step over a real store; `published` are the messages of later attempts. */
function running(store: Store, handler: (context: TaskContext<unknown>) => unknown) {
  const published: QueueMessage[] = [];
  const type = defineTask({ type: "diagnostics.echo", input: z.unknown(), handler });
  const ctx = {
    settings: settingsOf({ resultTtl: MINUTE, concurrency }),
    store,
    queue: queueOf({ publish: (message) => Promise.resolve(void published.push(message)) }),
    fetcher: fetcherOf(),
    sign: createSign(webCrypto),
    hashes: webCrypto,
    keyring: createKeyring(webCrypto, "a master secret for tests, and for nothing else"),
    tasks: new Map<string, AnyTask>([[type.type, type]]),
    services: new Map<string, Service>(),
    background: { waitUntil: (work: Promise<unknown>) => void work },
    log: () => undefined,
    runTimes: createRunTimes(),
    random: () => 0.5,
    clock: Date.now,
  };
  const attempt = ({ project, id: task, run: number }: TaskRecord, which: number) =>
    run(ctx, { v: 1, project, task, run: number, attempt: which });
  return { attempt, published, usual: () => ctx.runTimes.usual(type.type) };
}

const busy = (retryAfter: number) => () => {
  throw new TaskError("busy", "Come later.", { retryable: true, retryAfter });
};

describe.each(await environments())("a deadline on the %s engine", (_kind, { store, caller, at, dueOf }) => {
  const open = (deadline: number) => accepted(store, caller, { callback: undefined, options: { deadline } });
  const read = async (id: string) => {
    const found = await store.readTask(caller, id);
    if (found.kind !== "found") throw new Error(found.kind);
    return found.record;
  };

  test("before the next attempt ends the task at once, and keeps why the last one failed", async () => {
    const task = await open(MINUTE);
    const { attempt, published } = running(store, busy(MINUTE));
    await attempt(task, 1);
    expect(published).toEqual([]);
    const ended = await read(task.id);
    expect(ended).toMatchObject({ status: "expired", attempt: 1 });
    expect(ended.error).toEqual({
      code: "deadline-exceeded",
      message: expect.any(String),
      retryable: false,
      lastFailure: { code: "busy", message: "Come later.", attempt: 1 },
    });
    expect(ended.endedAt).toBeLessThan(ended.deadlineAt);
    expect(await dueOf(caller.project, task.id)).toBeUndefined();
  });

  test("after the next attempt lets it be planned", async () => {
    const task = await open(2 * MINUTE);
    const { attempt, published } = running(store, busy(MINUTE));
    await attempt(task, 1);
    expect(published).toMatchObject([{ kind: "run", delay: MINUTE }]);
    expect((await read(task.id)).status).toBe("queued");
    // Nobody came for it: the next look at it is past the deadline.
    const late = running(at(3 * MINUTE), () => "never");
    await late.attempt(task, 2);
    expect(await read(task.id)).toMatchObject({
      status: "expired",
      error: { code: "deadline-exceeded", lastFailure: { code: "busy", attempt: 1 } },
    });
  });

  test("that passes in a later attempt keeps the failure of the one before", async () => {
    const task = await open(2 * MINUTE);
    await running(store, busy(1_000)).attempt(task, 1);
    const claimed = await at(MINUTE).claim({
      project: caller.project,
      task: task.id,
      run: 1,
      attempt: 2,
      lease: "a",
    });
    if (claimed.kind !== "claimed") throw new Error(claimed.kind);
    await running(at(5 * MINUTE), () => "never").attempt(task, 2);
    expect(await read(task.id)).toMatchObject({
      status: "expired",
      attempt: 2,
      error: { code: "deadline-exceeded", lastFailure: { code: "busy", message: "Come later.", attempt: 1 } },
    });
  });

  test("a run that succeeds at its first attempt tells how long its type's usually are, others do not", async () => {
    const failing = running(store, busy(0));
    const retried = await open(2 * MINUTE);
    await failing.attempt(retried, 1);
    expect(failing.usual()).toBeUndefined();
    const { attempt, usual } = running(store, () => new Promise((done) => setTimeout(done, 60, "done")));
    await attempt(await open(2 * MINUTE), 1);
    expect(usual()).toBeGreaterThanOrEqual(50);
    expect(usual()).toBeLessThan(20_000);
  });

  test("that passes while the only attempt runs names no failure", async () => {
    const task = await open(2 * MINUTE);
    await store.claim({ project: caller.project, task: task.id, run: 1, attempt: 1, lease: "a" });
    await running(at(5 * MINUTE), () => "never").attempt(task, 1);
    const { error } = await read(task.id);
    expect(error).toEqual({ code: "deadline-exceeded", message: expect.any(String), retryable: false });
  });
});

test("Retry-After of a pending task never lies beyond its deadline", () => {
  const now = 1_000_000_000_000;
  const after = (nextAt: number, deadlineAt: number, createdAt = now) =>
    retryAfter(taskRecord({ createdAt, nextAt: now + nextAt, deadlineAt: now + deadlineAt }), now);
  expect(after(3_600_000, 50_000)).toBe(50);
  expect(after(3_600_000, 7_200_000)).toBe(3_600);
  expect(after(0, 3_500, now - 3_600_000)).toBe(4);
  expect(after(0, -10_000, now - 3_600_000)).toBe(1);
});

describe("Retry-After of a pending task estimates its type's usual run time, where that is known", () => {
  const now = 1_000_000_000_000;
  const later = { deadlineAt: now + 86_400_000, createdAt: now, nextAt: now };
  const after = (usual: number | undefined, changes: Partial<TaskRecord> = {}) =>
    retryAfter(taskRecord({ ...later, ...changes }), now, usual);

  test.each<readonly [string, number, number | undefined, Partial<TaskRecord>]>([
    ["nothing is known", 1, undefined, {}],
    ["it has not begun", 30, 29_500, {}],
    ["it waits longer than it runs", 15, 50, { createdAt: now - 3_600_000 }],
    ["it starts later", 60, 30_000, { nextAt: now + 60_000 }],
    ["it runs", 20, 30_000, { status: "running", attempt: 1, startedAt: now - 10_000 }],
    ["it waits for its service", 20, 30_000, { status: "waiting", attempt: 1, startedAt: now - 10_000 }],
    [
      "it runs longer than usual",
      2,
      5_000,
      { status: "running", attempt: 1, createdAt: now - 20_000, startedAt: now - 20_000 },
    ],
    ["its deadline is nearer", 10, 30_000, { deadlineAt: now + 10_000 }],
    ["it takes days", 3_600, 2 * 86_400_000, {}],
  ])("%s: %i s", (_what, expected, usual, changes) => {
    expect(after(usual, changes)).toBe(expected);
  });

  test("it is the mean of the runs that ended here, the newest counting most", () => {
    const times = createRunTimes();
    expect(times.usual("a")).toBeUndefined();
    times.succeeded("a", 10_000);
    expect(times.usual("a")).toBe(10_000);
    times.succeeded("a", 20_000);
    expect(times.usual("a")).toBe(12_000);
    for (let run = 0; run < 30; run++) times.succeeded("a", 1_000);
    expect(times.usual("a")).toBeLessThan(1_100);
    expect(times.usual("b")).toBeUndefined();
  });
});
