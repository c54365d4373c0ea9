import { describe, expect, test } from "vitest";
import type { Endurance } from "../../bench/soak/endure.ts";
import { type Overload, recoveredAfter } from "../../bench/soak/overload.ts";
import { toValidationErrors } from "../../bench/soak/report.ts";

const spread = { p50: 5, p99: 20 };

const flat = {
  name: "workerd: memory",
  unit: "MiB",
  thirds: [100, 101, 102] as const,
  highest: 110,
  slope: 1,
  limit: 117,
  isGrowing: false,
};

const endurance: Endurance = {
  rate: 70,
  minutes: 30,
  accepted: 126_000,
  others: {},
  lost: 0,
  accept: [spread, spread, spread],
  callback: [spread, spread, spread],
  courses: [flat],
  samples: 360,
};

const storm: Overload = {
  name: "the project's rate",
  rate: 300,
  seconds: 60,
  limits: { rateLimit: 100, maxOpen: null },
  accepted: 6_100,
  others: { "429 rate-limited": 11_900 },
  withoutRetryAfter: 0,
  wrong: 0,
  accept: spread,
  refuse: spread,
  mostWaiting: 400,
  recovered: 1,
  drained: 6,
  lost: 0,
};

describe("a run has failed when", () => {
  test("nothing is wrong: it has not", () => {
    expect(toValidationErrors(endurance, [storm])).toEqual([]);
  });

  test.each<[string, Partial<Endurance>, RegExp]>([
    ["something grows", { courses: [{ ...flat, isGrowing: true }] }, /memory grew from 101 to 102, past 117/],
    ["a rate that can be borne is refused", { others: { "503 temporarily-unavailable": 3 } }, /3 × 503/],
    ["a task is lost", { lost: 1 }, /1 accepted tasks were never called back/],
  ])("%s", (_, change, fault) => {
    expect(toValidationErrors({ ...endurance, ...change }, [storm])).toEqual([expect.stringMatching(fault)]);
  });

  test.each<[string, Partial<Overload>, RegExp]>([
    ["an overload lets nothing in", { accepted: 0 }, /nothing was accepted/],
    ["an overload is no overload", { others: {} }, /nothing was shed/],
    ["a refusal does not say when to come again", { withoutRetryAfter: 2 }, /2 refusals without Retry-After/],
    ["something else than a refusal is answered", { wrong: 1 }, /1 answers that are neither/],
    ["it does not recover", { recovered: null }, /recovered after more s/],
    ["it recovers late", { recovered: 10 }, /recovered after 10 s/],
    ["what was accepted does not end", { drained: null, lost: 4 }, /left|never called back/],
  ])("%s", (_, change, fault) => {
    expect(toValidationErrors(endurance, [{ ...storm, ...change }])[0]).toMatch(fault);
  });
});

describe("an overload is over", () => {
  const END = 1_000_000;
  /** Answers at ten per second, second by second. */
  const answers = (seconds: readonly { readonly outcome?: string; readonly took?: number }[]) =>
    seconds.flatMap(({ outcome = "202", took = 10 }, second) =>
      Array.from({ length: 10 }, (_, n) => ({
        due: END + second * 1_000 + n * 100,
        took,
        outcome,
        hasRetryAfter: true,
      })),
    );
  const refused = { outcome: "429 rate-limited" };
  const slow = { took: 500 };
  const good = {};

  test("with the first of three good seconds in a row", () => {
    expect(recoveredAfter(answers([good, good, good]), END, 100)).toBe(0);
    expect(recoveredAfter(answers([refused, slow, good, good, good]), END, 100)).toBe(2);
    expect(recoveredAfter(answers([good, good, slow, good, good, good]), END, 100)).toBe(3);
  });

  test("not as long as submissions are refused, slow, or none come", () => {
    expect(recoveredAfter(answers([good, good, refused, good, good]), END, 100)).toBeNull();
    expect(recoveredAfter(answers(Array.from({ length: 20 }, () => slow)), END, 100)).toBeNull();
    expect(recoveredAfter([], END, 100)).toBeNull();
  });
});
