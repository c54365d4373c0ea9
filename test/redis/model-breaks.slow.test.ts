import { afterEach, describe, expect, test, vi } from "vitest";
import { MODEL_BREAKS } from "./model/breaks.ts";

/** Sequences that show each break, and do not take long. */
const RUNS = 40;
const SEED = 5;

afterEach(() => vi.unstubAllGlobals());

describe.each(MODEL_BREAKS)("the model notices that $what", async ({ point }) => {
  // The scripts are written as their modules are loaded.
  vi.resetModules();
  vi.stubGlobal("RINGBACK_FAULTS", [point]);
  const { environments } = await import("./store-fixture.ts");
  const { runModel } = await import("./model/run-model.ts");
  const engines = await environments();
  vi.unstubAllGlobals();

  test.each(engines)(`${point}, on the %s engine`, { timeout: 300_000 }, async (_kind, environment) => {
    vi.stubGlobal("RINGBACK_FAULTS", [point]);
    await expect(runModel(environment, SEED, RUNS, true)).rejects.toThrow(/Property failed/);
  });
});
