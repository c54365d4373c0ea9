import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { type AnyTask, defineTask } from "../../src/task.ts";
import {
  createImmediateStarts,
  startFault,
  workAfterAnswer,
} from "../../src/tasks/submit/immediate-start.ts";

const declare = (start: Partial<AnyTask>): AnyTask =>
  defineTask({ type: "test.start", input: z.unknown(), handler: () => undefined, ...start });

describe("a type that cannot start in the way that it names stops the start", () => {
  test.each<Partial<AnyTask>>([
    { start: "immediate" },
    { start: "immediate", timeout: 25_001 },
    { start: "immediate", timeout: Number.POSITIVE_INFINITY },
    { start: "immediate", timeout: 1_000, concurrency: 1 },
    { start: "immediate", timeout: 1_000, rate: { limit: 1 } },
    { start: "at once" as "queue", timeout: 1_000 }, // as plain JavaScript may
  ])("%o", (start) => {
    expect(startFault(declare(start))).toContain('"test.start"');
  });

  test.each<Partial<AnyTask>>([
    {},
    { start: "queue", concurrency: 1, rate: { limit: 1 } },
    { start: "immediate", timeout: 25_000 },
    { start: "immediate", timeout: 0.5, retries: 0, heartbeatTimeout: 60_000 },
  ])("but not %o", (start) => {
    expect(startFault(declare(start))).toBeUndefined();
  });
});

describe("the places for immediate attempts", () => {
  test("are 40, and each is free again when it is given back, once", () => {
    const { take } = createImmediateStarts(() => 0);
    const taken = Array.from({ length: 40 }, () => take(1_000));
    expect(taken.every(Boolean)).toBe(true);
    expect(take(1_000)).toBeUndefined();
    taken[0]?.();
    taken[0]?.();
    expect(take(1_000)).toBeDefined();
    expect(take(1_000)).toBeUndefined();
  });

  test("are free again when their time is over: who was cut off gives nothing back", () => {
    let now = 0;
    const { take } = createImmediateStarts(() => now);
    for (let place = 0; place < 40; place++) take(1_000);
    now = 999;
    expect(take(1_000)).toBeUndefined();
    now = 1_000;
    expect(take(1_000)).toBeDefined();
  });
});

describe("a first callback", () => {
  test("is sent while 10 s of the 30 s are left that Workers give, and on Deno at any time", () => {
    expect(workAfterAnswer({ userAgent: "Cloudflare-Workers" })).toBe(30_000);
    expect(workAfterAnswer({ userAgent: "Deno/2.9.0" })).toBe(Number.POSITIVE_INFINITY);
    let now = 500;
    const onWorkers = createImmediateStarts(() => now, 30_000);
    const onDeno = createImmediateStarts(() => now);
    now = 20_500;
    expect([onWorkers.mayCall(500), onDeno.mayCall(500)]).toEqual([true, true]);
    now = 20_501;
    expect([onWorkers.mayCall(500), onDeno.mayCall(500)]).toEqual([false, true]);
  });
});
