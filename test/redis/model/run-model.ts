import fc from "fast-check";
import type { Environment } from "../store-fixture.ts";
import { COMMANDS } from "./commands.ts";
import { emptyModel } from "./state.ts";
import { World } from "./world.ts";

/**
 * Holds one engine against the model, and gives back every script with what it answered.
 *
 * @param endOnFailure the first failure is enough: no shorter sequence is looked for
 */
export async function runModel(
  environment: Environment,
  seed: number,
  numRuns: number,
  endOnFailure = false,
): Promise<Set<string>> {
  const seen = new Set<string>();
  const commands = fc.commands(COMMANDS, { maxCommands: 150, size: "max" });
  const property = fc.asyncProperty(commands, (sequence) =>
    fc.asyncModelRun(
      async () => ({ model: emptyModel(), real: await World.open(environment, seen) }),
      sequence,
    ),
  );
  await fc.assert(property, { seed, numRuns, endOnFailure, interruptAfterTimeLimit: 240_000 });
  return seen;
}
