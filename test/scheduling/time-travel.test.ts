import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import type { QueueMessage, RunMessage } from "../../src/ports/queue.ts";
import type { Store } from "../../src/ports/store.ts";
import { sweep } from "../../src/scheduling/sweep.ts";
import { defineTask } from "../../src/task.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { run } from "../../src/tasks/run/run-attempt.ts";
import { createRunTimes } from "../../src/tasks/run-times.ts";
import { createImmediateStarts } from "../../src/tasks/submit/immediate-start.ts";
import { accept } from "../../src/tasks/submit/submit-task.ts";
import { environments, freshProject } from "../redis/store-fixture.ts";
import { fetcherOf, queueOf, settingsOf } from "../support/parts.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The gateway at one moment: the real store with its clock moved, a queue that notes what it is given. */
function travel() {
  const published: QueueMessage[] = [];
  const ran: string[] = [];
  const echo = defineTask({
    type: "test.echo",
    input: z.unknown(),
    handler: ({ task }) => {
      ran.push(task.id);
    },
  });
  const ctx = (store: Store) => ({
    settings: settingsOf({ rateLimit: 1_000 }),
    store,
    queue: queueOf({
      publish: async (message: QueueMessage) => void published.push(message),
      publishAll: async (messages: readonly QueueMessage[]) => {
        published.push(...messages);
        return [];
      },
    }),
    fetcher: fetcherOf(),
    sign: createSign(webCrypto),
    hashes: webCrypto,
    keyring: createKeyring(webCrypto, "a master secret for tests, and for nothing else"),
    services: new Map(),
    tasks: new Map([[echo.type, echo]]),
    background: { waitUntil: (work: Promise<unknown>) => void work },
    log: () => undefined,
    runTimes: createRunTimes(),
    immediate: createImmediateStarts(Date.now),
    random: () => 0.5,
    clock: Date.now,
  });
  return { published, ran, ctx };
}

function runOf(message: QueueMessage | undefined): RunMessage {
  if (message?.kind !== "run") throw new Error(`${message?.kind} instead of run`);
  return message.body;
}

describe.each(await environments())("a start a year ahead, on the %s engine", (_kind, { store, at }) => {
  const submitFar = async (far: ReturnType<typeof travel>, notBefore: number) => {
    const caller = await freshProject(store);
    const submit = { type: "test.echo", input: 1, notBefore, canonical: {} };
    const { record } = await accept(far.ctx(store), caller, submit);
    return { caller, record };
  };

  test("is kept, published when it is near, never before, and runs when its time has come", async () => {
    const far = travel();
    const begin = Date.now();
    const start = begin + 365 * DAY;
    const { caller, record } = await submitFar(far, start);
    expect(record).toMatchObject({ startsAt: start, deadlineAt: start + DAY, attempt: 0 });
    const sweepAt = async (time: number) => {
      await sweep(far.ctx(at(time - begin)));
      return far.published.length;
    };
    for (let day = 0; day < 365; day += 7) expect(await sweepAt(begin + day * DAY)).toBe(0);
    expect(await sweepAt(start - HOUR - MINUTE)).toBe(0);
    expect(await sweepAt(start - HOUR + MINUTE)).toBe(1);
    const [message] = far.published;
    expect(message?.delay).toBeGreaterThan(58 * MINUTE);
    expect(message?.delay).toBeLessThanOrEqual(59 * MINUTE);
    const body = runOf(message);
    expect(body).toMatchObject({ task: record.id, attempt: 1 });

    const early = await run(far.ctx(at(start - begin - 30 * MINUTE)), body);
    expect(early).toMatchObject({ status: 503 });
    expect(far.ran).toEqual([]);
    const scheduled = await at(start - begin - 30 * MINUTE).listTasks(caller, undefined, 5, {
      status: "scheduled",
    });
    expect(scheduled).toMatchObject({ positions: [{ id: record.id }] });

    expect(await run(far.ctx(at(start - begin + 1_000)), body)).toEqual({ status: 200 });
    expect(far.ran).toEqual([record.id]);
    const ended = await at(start - begin + 2_000).readTask(caller, record.id);
    expect(ended).toMatchObject({ kind: "found", record: { status: "succeeded", attempt: 1 } });
    // A year later it is still found where it was filed.
    const listed = await at(start - begin + DAY).listTasks(caller, undefined, 5);
    expect(listed).toMatchObject({ positions: [{ id: record.id }] });
  });

  test("that nobody hands over expires as never-started, counted from its start", async () => {
    const far = travel();
    const begin = Date.now();
    const { caller, record } = await submitFar(far, begin + 100 * DAY);
    const read = async (offset: number): Promise<TaskRecord> => {
      const found = await at(offset).readTask(caller, record.id);
      if (found.kind !== "found") throw new Error(found.kind);
      return found.record;
    };
    await sweep(far.ctx(at(100 * DAY)));
    expect((await read(100 * DAY)).status).toBe("queued");
    await sweep(far.ctx(at(101 * DAY + 2 * HOUR)));
    expect(await read(101 * DAY + 2 * HOUR)).toMatchObject({
      status: "expired",
      error: { code: "never-started" },
    });
  });

  test("more than a year ahead is refused", async () => {
    const far = travel();
    await expect(submitFar(far, Date.now() + 366 * DAY)).rejects.toMatchObject({ code: "invalid-request" });
  });
});
