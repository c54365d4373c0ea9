import { describe, expect, test } from "vitest";
import { runModel } from "./model/run-model.ts";
import { environments } from "./store-fixture.ts";

// The long runs of the model: enough choices to meet every answer that a script has, and random ones.

const seed = Date.now() % 2 ** 31;
const runs = 40;

/** Seeds whose sequences meet every answer of {@link ANSWERS}; a few sequences of each. */
const EVERY_ANSWER = { seeds: Array.from({ length: 40 }, (_, n) => n + 1), runs: 4 };

/** What must have been answered at least once, or the choices miss what they are made for. */
const ANSWERS = {
  accept: ["accepted", "begun", "replayed", "reused", "erased", "quota", "batch-closed"],
  openBatch: ["opened"],
  settle: ["open", "due", "completed", "dropped"],
  complete: ["completed", "changed"],
  unpark: ["run", "paused"],
  endMany: ["ended"],
  replayMany: ["replayed"],
  claim: ["paused", "claimed", "ended", "stale", "busy", "expired"],
  renew: ["renewed", "lost"],
  report: ["reported", "stale"],
  end: ["ended", "already", "stale", "changed", "deadline-passed", "config-changed"],
  published: ["published", "already", "stale"],
  announce: ["opened", "known", "stale"],
  configure: ["configured", "changed"],
  grant: ["granted"],
  revoke: ["revoked", "missing"],
  limit: ["limited"],
  replay: ["replayed", "pending"],
  erase: ["erased", "pending", "missing"],
  begin: ["begun", "closed", "stale"],
  record: ["recorded", "stale"],
  redeliver: ["found", "pending", "changed"],
  inspect: ["run", "deliver", "expired", "broken", "batch"],
};

describe.each(await environments())("the scripts on the %s engine", (_kind, environment) => {
  test(`do what the model says, seed ${seed}`, { timeout: 300_000 }, async () => {
    await runModel(environment, seed, runs);
  });

  test("do so in sequences that meet every answer", { timeout: 600_000 }, async () => {
    const missing = new Set(
      Object.entries(ANSWERS).flatMap(([kind, all]) => all.map((one) => `${kind} ${one}`)),
    );
    for (const next of EVERY_ANSWER.seeds) {
      if (missing.size === 0) break;
      for (const answer of await runModel(environment, next, EVERY_ANSWER.runs)) missing.delete(answer);
    }
    expect([...missing]).toEqual([]);
  });
});
