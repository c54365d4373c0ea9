import process from "node:process";
import { describe, test } from "vitest";
import { runModel } from "./model/run-model.ts";
import { environments } from "./store-fixture.ts";

/*
 * The scripts against a model of what they promise: sequences of commands, right and wrong ones, with scripts that
 * arrive twice, answers that are lost, what was sent long ago and comes once more, workers that are overtaken, two at
 * once, and time that passes. After each the model and what is read back agree. A failure prints its seed:
 * SEED=<seed> RUNS=<runs> makes the same choices again.
 */
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const runs = Number(process.env["RUNS"] ?? 5);

describe.each(await environments())("the scripts on the %s engine", (_kind, environment) => {
  test(`do what the model says, seed ${seed}`, { timeout: 300_000 }, async () => {
    await runModel(environment, seed, runs);
  });
});
