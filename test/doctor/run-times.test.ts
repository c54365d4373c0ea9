import { expect, test } from "vitest";
import { attemptTimes } from "../../src/doctor/run-times.ts";
import type { TimelineEntry } from "../../src/tasks/record.ts";

const at = (time: number, type: string): TimelineEntry => ({
  sequence: 1,
  at: time,
  run: 1,
  type,
  actor: "worker",
});

test("an attempt takes from its start to what happens next: neither the wait before it nor the one after it", () => {
  const timeline = [
    at(0, "task.accepted"),
    at(1_000, "task.started"),
    at(1_250, "task.retrying"),
    at(60_000, "task.started"),
    at(60_010, "task.waiting"),
    at(90_000, "task.succeeded"),
  ];
  expect(attemptTimes({ timeline })).toEqual([250, 10]);
});

test("an attempt under way has no time yet", () => {
  expect(attemptTimes({ timeline: [at(0, "task.accepted"), at(5, "task.started")] })).toEqual([]);
});
