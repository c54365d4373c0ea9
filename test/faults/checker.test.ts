import { describe, expect, test } from "vitest";
import { check, type Invariant } from "./checker.ts";
import {
  audit,
  begin,
  callback,
  delivery,
  found,
  history,
  lent,
  seen,
  story,
  submitted,
  timeline,
  told,
} from "./good-history.ts";
import type { Callback, History, TimelineItem } from "./history.ts";

const canceled = told({ act: "cancel", at: 1_000, task: seen({ status: "canceled", sequence: 2 }) });
const asCanceled = found({ status: "canceled", sequence: 2, timeline: timeline("created", "canceled") });
const replayed: TimelineItem[] = [
  ...timeline("created", "started", "succeeded"),
  { sequence: 4, at: 4, run: 2, type: "task.replayed" },
  { sequence: 5, at: 5, run: 2, type: "task.started" },
  { sequence: 6, at: 6, run: 2, type: "task.succeeded" },
];

/** For each promise, histories that break it and nothing that is named differently by them. */
const BROKEN: Readonly<Record<Invariant, readonly Partial<History>[]>> = {
  "an accepted task is kept": [
    { found: [] },
    { stories: [story({ told: [submitted, told({ act: "erase", status: 409 })] })], found: [] },
  ],
  "an erased task stays erased": [
    { stories: [story({ told: [submitted, told({ act: "erase", status: 204 })] })] },
  ],
  "every run reaches a terminal status": [
    { found: [found({ status: "running", sequence: 2, timeline: timeline("created", "started") })] },
    {
      found: [
        found({
          run: 2,
          timeline: replayed.filter(({ type, run }) => run === 2 || type !== "task.succeeded"),
        }),
      ],
    },
  ],
  "a run has one terminal status": [
    {
      callbacks: [
        callback(),
        callback({ id: "evt_2", type: "task.failed", task: seen({ status: "failed" }) }),
      ],
    },
    { stories: [story({ told: [submitted, canceled] })] },
    { found: [found({ timeline: timeline("created", "started", "succeeded", "succeeded") })] },
  ],
  "a task moves along the state machine": [
    { found: [found({ timeline: timeline("created", "waiting", "succeeded") })] },
    { found: [found({ timeline: timeline("created", "started", "succeeded", "created") })] },
    { found: [found({ timeline: timeline("created", "succeeded") })] },
    { found: [found({ timeline: timeline("created", "started", "failed") })] },
    { found: [found({ timeline: replayed.map((item) => ({ ...item, run: 1 })) })] },
  ],
  "no answer goes back in time": [
    {
      stories: [
        story({
          told: [
            told(),
            told({ from: 20, at: 30, task: seen({ status: "running", sequence: 2, done: false }) }),
          ],
        }),
      ],
    },
  ],
  "an idempotency key names one task": [
    { stories: [story({ told: [submitted, told({ act: "submit", task: seen({ id: "task_2" }) })] })] },
    { found: [found(), found({ id: "task_2" })] },
  ],
  "an idempotency key stands for one request": [
    { stories: [story({ told: [submitted, told({ act: "misuse", status: 202 })] })] },
  ],
  "a run has one lease holder": [
    { executions: [begin(), begin({ execution: "b", at: 5_000 })] },
    {
      executions: [
        begin(),
        begin({ execution: "b", at: 5_000, attempt: 2 }),
        begin({ execution: "a", at: 6_000, phase: "end" }),
      ],
    },
  ],
  "a stale worker changes nothing": [
    {
      executions: [begin(), begin({ execution: "b", at: 40_000 })],
      found: [
        found({
          result: { execution: "a" },
          timeline: timeline("created", "started", "succeeded").map((item) => ({ ...item, at: 50_000 })),
        }),
      ],
    },
  ],
  "nothing begins after its cancel was confirmed": [
    {
      stories: [story({ told: [submitted, canceled] })],
      found: [asCanceled],
      executions: [begin({ at: 12_000 })],
    },
  ],
  "a stale token changes nothing": [
    { found: [found({ result: { run: 1, attempt: 2 } })] },
    { found: [found({ run: 2, sequence: 6, timeline: replayed, result: { run: 1, attempt: 1 } })] },
  ],
  "past its deadline a run only expires": [{ found: [found({ deadlineAt: 1 })] }],
  "a deadline is met within two minutes": [
    {
      found: [
        found({
          status: "expired",
          deadlineAt: -130_000,
          timeline: timeline("created", "started", "expired"),
        }),
      ],
    },
    {
      found: [found({ status: "queued", done: false, deadlineAt: 1_000, timeline: timeline("created") })],
      audits: [audit({ at: 130_000 })],
    },
  ],
  "a result that Redis cannot take fails its task": [
    { found: [found({ type: "storm.too-large" })] },
    { found: [found({ type: "storm.too-large", status: "failed", error: "invalid-result" })] },
  ],
  "every open task and delivery is due": [
    { audits: [audit(), audit({ undue: ["task_1 is queued and not due"] })] },
  ],
  "no open task or delivery has a TTL": [{ audits: [audit({ mortal: ["task_1 is queued and has a TTL"] })] }],
  "the sweep looks at a stalled entry less and less often": [
    { audits: [audit({ hasty: ["task_1 was looked at again 3 times within 40000 ms"] })] },
  ],
  "nothing is due when all is done": [{ due: ["t|proj_1|task_1"] }],
  "the counters are right": [
    { books: [{ project: "proj_1", open: 1, ended: { succeeded: 1 } }] },
    { books: [{ project: "proj_1", open: 0, ended: {} }] },
    { books: [{ project: "proj_1", open: 0, ended: { succeeded: 1, failed: 1 } }] },
    { audits: [audit({ miscounted: ["proj_1: 2 open by the books, 1 in fact"] })] },
  ],
  "no callback is sent before its state change is committed": [
    { callbacks: [callback({ stored: seen({ status: "running", sequence: 2, done: false }) })] },
    { callbacks: [callback({ stored: seen({ status: "failed" }) })] },
  ],
  "an event has one id": [
    { callbacks: [callback(), callback({ id: "evt_2" })] },
    { callbacks: [callback(), callback({ task: seen({ run: 2, sequence: 6 }) })] },
  ],
  "a body is the same on every attempt": [{ callbacks: [callback(), callback({ body: "{ }" })] }],
  "every callback is signed": [{ callbacks: [callback({ isSigned: false })] }],
  "an event that was asked for ends delivered or dead": [
    { found: [found({ deliveries: [] })] },
    { endpoints: { proj_1: { ep_1: ["task.*"] } } },
    { found: [found({ run: 2, sequence: 6, timeline: replayed })] },
  ],
  "no delivery is left on its way": [{ found: [found({ deliveries: [delivery({ status: "pending" })] })] }],
  "a delivered callback has arrived": [{ callbacks: [] }],
  "an event is delivered once by id": [
    { found: [found({ deliveries: [delivery(), delivery({ id: "del_2" })] })] },
  ],
  "a callback reaches its own project alone": [{ callbacks: [callback({ project: "proj_2" })] }],
  "a revoked key opens nothing": [
    {
      lent: [
        lent({
          uses: [
            { at: 110, status: 0 },
            { at: 120, status: 200 },
          ],
        }),
      ],
    },
  ],
};

describe("the checker", () => {
  test("finds nothing in a history in which all went well", () => {
    expect(check(history())).toEqual([]);
  });

  test.each(
    Object.entries(BROKEN).flatMap(([invariant, cases]) =>
      cases.map((broken, index) => ({ invariant, broken, number: index + 1 })),
    ),
  )("reports a violation: $invariant ($number)", ({ invariant, broken }) => {
    expect(check(history(broken)).map((violation) => violation.invariant)).toContain(invariant);
  });

  test.each<[why: string, unharmed: Partial<History>]>([
    [
      "was erased",
      { stories: [story({ told: [submitted, told({ act: "erase", status: 204 })] })], found: [] },
    ],
    [
      "may have been erased",
      { stories: [story({ told: [submitted, told({ act: "erase", status: 0 })] })], found: [] },
    ],
  ])("lets a task be gone that %s", (_, unharmed) => {
    expect(check(history({ ...unharmed, callbacks: [] }))).toEqual([]);
  });

  test("lets a second worker take over when the lease has run out", () => {
    const executions = [begin(), begin({ execution: "b", at: 31_000 })];
    const taken = timeline("created", "started", "started", "succeeded").map((item) =>
      item.sequence === 3 ? { ...item, cause: "lease-lapsed" } : item,
    );
    const end = seen({ sequence: 4 });
    const callbacks = [callback({ task: end, stored: end })];
    const result = { run: 1, attempt: 1 };
    expect(
      check(history({ executions, callbacks, found: [found({ ...end, timeline: taken, result })] })),
    ).toEqual([]);
  });

  test("believes no word about when, of who had stood still", () => {
    const stalls = [{ name: "deno", from: 60, to: 36_000 }];
    const executions = [begin({ execution: "b", on: "workerd", at: 31_000 }), begin({ at: 36_010 })];
    expect(check(history({ executions, stalls }))).toEqual([]);
    expect(check(history({ executions })).map(({ invariant }) => invariant)).toEqual([
      "a run has one lease holder",
    ]);
  });

  test("distinguishes events of progress by their time", () => {
    const said = (at: string, over: Partial<Callback> = {}) =>
      callback({
        ...{ type: "task.progress", task: seen({ status: "running", sequence: 2, done: false }) },
        body: JSON.stringify({ data: { progress: { at } } }),
        ...over,
      });
    const broken = (callbacks: readonly Callback[]) =>
      check(history({ callbacks: [callback(), ...callbacks] })).map(({ invariant }) => invariant);
    expect(broken([said("1", { id: "evt_2" }), said("2", { id: "evt_3" })])).toEqual([]);
    expect(broken([said("1", { id: "evt_2" }), said("1", { id: "evt_3" })])).toEqual(["an event has one id"]);
  });

  test("lets a run be replayed, and an answer on its way be overtaken", () => {
    const again = seen({ run: 2, sequence: 6 });
    const late = told({ from: 5, at: 40, task: seen({ status: "running", sequence: 2, done: false }) });
    expect(
      check(
        history({
          stories: [story({ told: [submitted, told({ from: 1, at: 30 }), late] })],
          callbacks: [callback(), callback({ id: "evt_2", task: again, stored: again })],
          found: [
            found({
              ...again,
              timeline: replayed,
              deliveries: [delivery(), delivery({ id: "del_2", eventId: "evt_2" })],
            }),
          ],
          books: [{ project: "proj_1", open: 0, ended: { succeeded: 2 } }],
        }),
      ),
    ).toEqual([]);
  });

  test("shows five details of one promise, and how many more there are", () => {
    const due = Array.from({ length: 8 }, (_, index) => `t|proj_1|task_${index}`);
    const violations = check(history({ due }));
    expect(violations).toHaveLength(6);
    expect(violations.at(-1)).toEqual({ invariant: "nothing is due when all is done", detail: "and 3 more" });
  });
});
