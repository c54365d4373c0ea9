import { expect, test } from "vitest";
import { excesses } from "../../bench/budget.ts";
import { measureCounts } from "../../bench/counts/measure.ts";

// `npm run bench -- --quick` counts the minute of a live stream too.

test("a task, a retry, a wait, a line and an idle day cost no more than their budgets", async () => {
  const counts = await measureCounts({ stream: false });
  expect(excesses(counts)).toEqual([]);
  // It did count: a task is four scripts and a message, and each sweep is a read.
  expect(counts.happy).toMatchObject({ requests: 4, messages: 1, publishes: 1 });
  expect(counts.happy.commands).toBeGreaterThan(4 * 4);
  expect(counts.immediate).toMatchObject({ requests: 3, messages: 0, publishes: 0 });
  expect(counts.immediate.commands).toBeGreaterThan(3 * 4);
  expect(counts.retry).toMatchObject({ messages: 1, publishes: 1 });
  expect(counts.wait.requests).toBeGreaterThanOrEqual(2);
  expect(counts.waitingInLine.requests).toBeGreaterThan(5);
  expect(counts.idleDay.commands).toBeGreaterThanOrEqual(1_440);
}, 120_000);

test("a figure above its budget is named", async () => {
  const none = { requests: 0, commands: 0, messages: 0, publishes: 0 };
  const counts = {
    ...{ happy: { ...none, commands: 33 }, immediate: none, retry: none, wait: none, idleDay: none },
    waitingInLine: { ...none, publishes: 3, minutes: 60 },
  };
  expect(excesses(counts)).toEqual([
    expect.stringMatching(/^happy: 33 commands/),
    expect.stringMatching(/^waitingInLine: 3 publishes/),
  ]);
});
