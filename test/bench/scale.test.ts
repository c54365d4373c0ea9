import { describe, expect, test } from "vitest";
import { type Needs, scale } from "../../bench/scale/model.ts";

const needs: Needs = {
  ...{ commands: 30, messages: 1, cpuMilliseconds: 2, invocations: 2 },
  ...{ overhead: 0, gigabytes: 5e-6, days: 7 },
};

describe("what fills up first", () => {
  test("calls in flight, where runs are long", () => {
    const scaled = scale({ rate: 10, runTime: 30 }, needs);
    expect(scaled).toMatchObject({ callsInFlight: 300, first: "calls in flight" });
    expect(scaled.most).toBeCloseTo(1_000 / 30);
    // 300 calls in flight need the largest plan of QStash.
    expect(scaled.price?.queue.name).toBe("fixed 10M");
  });

  test("no plan carries what is above every limit", () => {
    const scaled = scale({ rate: 1_000, runTime: 1 }, needs);
    expect(scaled.commandsPerSecond).toBe(30_000);
    expect(scaled.price).toBeUndefined();
  });

  test("an immediate task takes no call of QStash", () => {
    const immediate = { ...needs, messages: 0 };
    expect(scale({ rate: 10, runTime: 30 }, immediate)).toMatchObject({
      callsInFlight: 0,
      messagesPerDay: 0,
    });
  });
});

test("the cheapest plans that fit are chosen, and all of it is paid", () => {
  const { price, gigabytes } = scale({ rate: 1, runTime: 0.1 }, needs);
  expect(gigabytes).toBeCloseTo(3.0, 1);
  // 2.6 million tasks: 78 million commands cost $155 and 2 GB more $0.5 on pay as you go, 5 GB fixed $100.
  expect(price?.redis.name).toBe("fixed 5 GB");
  expect(price?.queue.name).toBe("pay as you go");
  expect(price?.dollars).toBeCloseTo(100 + 25.9 + 5, 0);
});
