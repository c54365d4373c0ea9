import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { type AnyTask, defineTask } from "../../src/task.ts";
import { budgetFault } from "../../src/tasks/run/budget-fault.ts";

const declare = (budget: Partial<AnyTask>): AnyTask =>
  defineTask({ type: "test.budget", input: z.unknown(), handler: () => undefined, ...budget });

describe("a type whose attempts cannot be counted or timed stops the start", () => {
  test.each<Partial<AnyTask>>([
    { retries: Number.NaN },
    { retries: -1 },
    { retries: 1.5 },
    { retries: 101 },
    { retries: Number.POSITIVE_INFINITY },
    { timeout: Number.NaN },
    { timeout: 0 },
    { timeout: -5 },
    { heartbeatTimeout: Number.NaN },
    { heartbeatTimeout: 0 },
  ])("%o", (budget) => {
    expect(budgetFault(declare(budget))).toMatch(/"test.budget" must be/);
  });

  test.each<Partial<AnyTask>>([
    {},
    { retries: 0 },
    { retries: 100, timeout: 1, heartbeatTimeout: 0.5 },
    { timeout: Number.POSITIVE_INFINITY },
  ])("but not %o", (budget) => {
    expect(budgetFault(declare(budget))).toBeUndefined();
  });
});
