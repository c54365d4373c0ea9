import { expect, test } from "vitest";
import type { NewDelivery } from "../../src/ports/commands/delivery.ts";
import type { EndCommand, Outcome } from "../../src/ports/commands/task.ts";
import type { Store } from "../../src/ports/store.ts";
import { logChanges } from "../../src/tasks/log-changes.ts";
import { knowing, NOW, taskRecord } from "../http/gateway.ts";
import { unexpected } from "../support/parts.ts";

/** A store of these scripts over the log of its changes. */
function logged(scripts: Partial<Store>) {
  const lines: unknown[] = [];
  const get = (_: unknown, name: string): unknown => scripts[name as keyof Store] ?? unexpected;
  const store = new Proxy({}, { get }) as Store; // every method that a test brings, and failing ones
  return { lines, store: logChanges(store, (level, event, fields) => lines.push([level, event, fields])) };
}

const began = NOW - 400;
const running = taskRecord({
  status: "running",
  attempt: 2,
  createdAt: NOW - 9_000,
  startedAt: NOW - 8_000,
  timeline: [
    { sequence: 2, at: NOW - 8_000, run: 1, type: "task.started", actor: "worker" },
    { sequence: 4, at: began, run: 1, type: "task.started", actor: "worker" },
  ],
});

function ending(outcome: Outcome): EndCommand {
  const authority = { by: "lease", lease: "l", attempt: 2 } as const;
  return { record: running, authority, outcome, actor: "worker", nonce: "n" };
}

const end: Store["end"] = () =>
  Promise.resolve({ kind: "ended", now: NOW, sequence: 5, nextAt: NOW + 2_000, held: new Map() });
const error = { code: "no-luck", message: "a text of a client", retryable: true };
const over = { endedAt: NOW, resultTtl: 1, deliveries: [] };

const OUTCOMES: readonly (readonly [Outcome, string, string, Record<string, unknown>])[] = [
  [{ kind: "succeeded", result: '"secret"', ...over }, "info", "task-succeeded", { totalMs: 9_000 }],
  [{ kind: "failed", error, ...over }, "warn", "task-failed", { code: "no-luck", totalMs: 9_000 }],
  [{ kind: "canceled", ...over }, "info", "task-canceled", { totalMs: 9_000 }],
  [{ kind: "expired", error, ...over }, "warn", "task-expired", { code: "no-luck" }],
  [{ kind: "retry", delay: 2_000, error }, "warn", "task-retrying", { code: "no-luck", delayMs: 2_000 }],
  [{ kind: "waiting", deliveries: [] }, "info", "task-waiting", {}],
];

test.each(OUTCOMES)(
  "an attempt's end %j has one line, timed from its own start",
  async (outcome, level, event, own) => {
    const { store, lines } = logged({ end });
    await store.end(ending(outcome));
    expect(lines).toEqual([
      [
        level,
        event,
        expect.objectContaining({ task: running.id, run: 1, attempt: 2, durationMs: 400, ...own }),
      ],
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/secret|a text of a client/);
  },
);

test("what was not committed has no line", async () => {
  const { store, lines } = logged({
    end: () => Promise.resolve({ kind: "stale" }),
    accept: () => Promise.resolve({ kind: "replayed", id: running.id }),
    recordCall: () => Promise.resolve({ kind: "stale" }),
  });
  await store.end(ending({ kind: "succeeded", ...over }));
  await store.accept({ task: {} } as Parameters<Store["accept"]>[0]); // the script answers before it looks
  await store.recordCall({ project: "p", task: "t", run: 1, attempt: 1, message: "m", length: 1 });
  expect(lines).toEqual([]);
});

test("an event for a disabled endpoint is a dead letter from the start", async () => {
  const { store, lines } = logged({ end });
  const delivery: NewDelivery = {
    id: "del_01kawv0m1ne0nvxf9dkb2jc5h1",
    taskId: running.id,
    eventId: "evt_01kawv0m1ne0nvxf9dkb2jc5h2",
    eventType: "task.succeeded",
    url: "https://a.example/path?secret",
    endpointId: "ep_1",
    format: "full",
    body: "secret",
    dead: { at: NOW, log: "{}" },
  };
  await store.end(ending({ kind: "succeeded", ...over, deliveries: [delivery] }));
  expect(lines[1]).toEqual([
    "warn",
    "delivery-dead",
    expect.objectContaining({ task: running.id, delivery: delivery.id, endpoint: "ep_1", attempts: 0 }),
  ]);
  expect(JSON.stringify(lines)).not.toContain("secret");
});

test("every other method is the store's own", async () => {
  const { store, lines } = logged(knowing(running));
  expect(await store.readTask({ kind: "system", project: running.project }, running.id)).toMatchObject({
    kind: "found",
  });
  expect(lines).toEqual([]);
});
