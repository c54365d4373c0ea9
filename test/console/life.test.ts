import { describe, expect, test } from "vitest";
import type { Delivery, TimelineItem } from "../../src/console/api/types.ts";
import { axisOf, deliveriesOf, deliveryLane, runsIn, taskLane } from "../../src/console/pages/task/life.ts";

const at = (time: number): string => new Date(time).toISOString();
let sequence = 0;
const entry = (time: number, type: string, run = 1): TimelineItem => ({
  sequence: ++sequence,
  at: at(time),
  run,
  type,
  actor: "worker",
});

const delivery = (changes: Partial<Delivery>): Delivery => ({
  id: "del_01kawv0m1ne0p86qyrcy9ba2z4",
  eventId: "evt_01kawv0m1ne0qtrn9tkp0h7k2v",
  eventType: "task.succeeded",
  url: "https://shop.example.com/hooks",
  status: "delivered",
  createdAt: at(1_000),
  attemptCount: 0,
  attempts: [],
  ...changes,
});

describe("a task's lane", () => {
  test("has a stretch for each state, up to the task's end", () => {
    const { stretches } = taskLane(
      [
        entry(0, "task.created"),
        entry(100, "task.started"),
        entry(300, "task.retrying"),
        entry(2_300, "task.started"),
        entry(2_400, "task.waiting"),
        entry(9_000, "task.succeeded"),
      ],
      99_999,
    );
    expect(stretches.map(({ state, from, to }) => [state, from, to])).toEqual([
      ["queued", 0, 100],
      ["running", 100, 300],
      ["queued", 300, 2_300],
      ["running", 2_300, 2_400],
      ["waiting", 2_400, 9_000],
    ]);
  });

  test("goes on to now while the task has not ended", () => {
    const { stretches } = taskLane([entry(0, "task.created"), entry(10, "task.started")], 500);
    expect(stretches.at(-1)).toMatchObject({ state: "running", from: 10, to: 500 });
  });

  test("stays empty for an entry that it does not know", () => {
    expect(taskLane([entry(0, "toString"), entry(1, "task.teleported")], 500).stretches).toEqual([]);
  });
});

describe("a callback's lane", () => {
  test("has its attempts, and the waits between them", () => {
    const { stretches, name } = deliveryLane(
      delivery({
        attempts: [
          { at: at(1_000), durationMs: 50, statusCode: 503, error: { code: "http-5xx", message: "503." } },
          { at: at(6_050), durationMs: 20, statusCode: 200 },
        ],
      }),
      99_999,
    );
    expect(name).toBe("succeeded → shop.example.com");
    expect(stretches.map(({ state, from, to }) => [state, from, to])).toEqual([
      ["failed", 1_000, 1_050],
      ["between", 1_050, 6_050],
      ["delivered", 6_050, 6_070],
    ]);
  });
});

describe("the axis", () => {
  test("keeps the order of all moments, from the left edge to the right", () => {
    const lanes = [
      taskLane([entry(0, "task.created"), entry(40, "task.started"), entry(90, "task.failed")], 0),
    ];
    const { place, ticks } = axisOf(lanes, 0.1);
    expect([place(0), place(90)]).toEqual([0, 1]);
    expect(place(40)).toBeGreaterThan(place(20));
    expect(ticks[0]).toEqual({ at: 0, place: 0 });
  });

  test("leaves a short attempt visible next to a wait of hours", () => {
    const hours = 4 * 3_600_000;
    const lanes = [
      taskLane([entry(0, "task.created"), entry(hours, "task.started"), entry(hours + 50, "task.failed")], 0),
    ];
    const { place } = axisOf(lanes, 0.1);
    expect(place(hours + 50) - place(hours)).toBeGreaterThan(0.05);
  });

  test("of nothing has no moments", () => {
    expect(axisOf([taskLane([], 0)], 0.1).ticks).toEqual([]);
  });
});

test("callbacks belong to the run in which their event happened", () => {
  const timeline = [
    entry(0, "task.created"),
    entry(900, "task.failed"),
    entry(5_000, "task.replayed", 2),
    entry(6_000, "task.succeeded", 2),
  ];
  const runs = runsIn(timeline);
  const [first, second] = [delivery({ createdAt: at(900) }), delivery({ createdAt: at(6_000) })];
  expect(deliveriesOf([second, first], runs, 1)).toEqual([first]);
  expect(deliveriesOf([second, first], runs, 2)).toEqual([second]);
});
