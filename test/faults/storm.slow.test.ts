import { describe, expect, test } from "vitest";
import { breakAndWatch } from "./breakage.ts";
import { BREAKS } from "./breaks.ts";
import { check } from "./checker.ts";
import { runStorm } from "./storm.ts";
import { summaryOf } from "./summary.ts";

// Two minutes of faults from a seed that is printed, kills, and the recovery after them.

const STORM = { duration: 120_000, recovery: 300_000, clients: 24, killEvery: 7_000 };

/** Breaks that show within seconds; the command `npm run faults -- --breaks` tries all of them. */
const QUICK = ["no-fingerprint", "no-lease", "told-not-written"];

describe("a storm", () => {
  test("breaks no promise", { timeout: 480_000 }, async () => {
    const seed = Math.floor(Math.random() * 1_000_000);
    console.log(`storm: seed ${seed}; npm run faults -- --seed ${seed} --minutes 2`);
    const storm = await runStorm({ ...STORM, seed });
    const { violations: _judged, ...figures } = summaryOf(storm);
    console.log(`storm: ${JSON.stringify(figures)}`);

    expect(check(storm.history)).toEqual([]);
    expect(storm.recovered, "everything that was due is done").toBeDefined();
    // Conditions for a meaningful verdict: there were tasks, faults of every kind, and kills.
    expect(figures.tasks).toBeGreaterThan(200);
    expect(Object.values(figures.kills).reduce((sum, kills) => sum + kills, 0)).toBeGreaterThan(2);
    expect(Object.keys(figures.faults).sort()).toEqual([
      ...["cut-answer", "cut-request", "delay", "drop-answer", "drop-request"],
      ...["duplicate", "outage", "refuse", "refuse-after"],
    ]);
  });
});

describe("the checker", () => {
  test.each(QUICK)("catches %s", { timeout: 120_000 }, async (name) => {
    const broken = BREAKS.find((one) => one.name === name);
    if (!broken) throw new Error(`there is no break ${name}`);
    const { caughtBy } = await breakAndWatch(broken, 11);
    expect(caughtBy).not.toEqual([]);
  });
});
