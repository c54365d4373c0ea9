import { afterEach, describe, expect, test, vi } from "vitest";
import { MODEL_BREAKS } from "./model/breaks.ts";

/** Sequences that show each break, and do not take long. */
const RUNS = 40;
const SEED = 1;

afterEach(() => vi.unstubAllGlobals());

describe.each(MODEL_BREAKS)("the model notices that $what", async ({ point }) => {
  // The scripts are written as their modules are loaded.
  vi.resetModules();
  vi.stubGlobal("RINGBACK_FAULTS", [point]);
  const { environments } = await import("./store-fixture.ts");
  const { runModel } = await import("./model/run-model.ts");
  const [embedded] = await environments();
  vi.unstubAllGlobals();

  test(point, { timeout: 300_000 }, async () => {
    if (!embedded) throw new Error("no engine");
    vi.stubGlobal("RINGBACK_FAULTS", [point]);
    await expect(runModel(embedded[1], SEED, RUNS, true)).rejects.toThrow(/Property failed/);
  });
});
