import process from "node:process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "./model/commands.ts";
import { emptyModel } from "./model/state.ts";
import { World } from "./model/world.ts";
import { type Environment, environments } from "./store-fixture.ts";

/*
 * The scripts against a model of what they promise: sequences of commands, right and wrong ones, with scripts that
 * arrive twice, answers that are lost, what was sent long ago and comes once more, workers that are overtaken, two at
 * once, and time that passes. After each the model and what is read back agree. A failure prints its seed:
 * SEED=<seed> RUNS=<runs> makes the same choices again.
 */
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31);
const runs = Number(process.env["RUNS"] ?? 40);

/** The choices that must come by every answer of {@link ANSWERS}. */
const WELL_TRODDEN = { seed: 5, runs: 80 };

/** What must have been answered at least once, or the choices miss what they are made for. */
const ANSWERS = {
  accept: ["accepted", "replayed", "reused", "erased", "quota"],
  claim: ["claimed", "ended", "stale", "busy", "expired"],
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
  inspect: ["run", "deliver", "expired", "broken"],
};

/** Holds one engine against the model, and gives back every script with what it answered. */
async function tread(environment: Environment, seed: number, numRuns: number): Promise<Set<string>> {
  const seen = new Set<string>();
  const commands = fc.commands(COMMANDS, { maxCommands: 150, size: "max" });
  const property = fc.asyncProperty(commands, (sequence) =>
    fc.asyncModelRun(
      async () => ({ model: emptyModel(), real: await World.open(environment, seen) }),
      sequence,
    ),
  );
  await fc.assert(property, { seed, numRuns, interruptAfterTimeLimit: 240_000 });
  return seen;
}

describe.each(await environments())("the scripts on the %s engine", (_kind, environment) => {
  test(`do what the model says, seed ${seed}`, { timeout: 300_000 }, async () => {
    await tread(environment, seed, runs);
  });

  test("do so on ways that come by every answer", { timeout: 300_000 }, async () => {
    const seen = await tread(environment, WELL_TRODDEN.seed, WELL_TRODDEN.runs);
    const wanted = Object.entries(ANSWERS).flatMap(([kind, all]) => all.map((one) => `${kind} ${one}`));
    expect(wanted.filter((one) => !seen.has(one))).toEqual([]);
  });
});
