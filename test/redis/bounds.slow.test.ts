import { beforeAll, describe, expect, test, vi } from "vitest";
import { hourOf, keysOf } from "../../src/adapters/redis/keys.ts";
import { expectWithinBounds, UNBOUNDED } from "./bounds.ts";
import { startObserved } from "./observed-engine.ts";
import { SITUATIONS } from "./situations/index.ts";
import { newEndpoint, type Stage } from "./situations/stage.ts";
import { freshProject } from "./store-fixture.ts";

/** The scripts of this file's modules read all that a project has: only slow files have modules of their own. */
await vi.hoisted(async () => {
  const { UNBOUNDED: broken } = await import("./bounds.ts");
  const points = broken.map(({ point }) => point);
  vi.stubGlobal("RINGBACK_FAULTS", points);
});

/** A little more than what the bounds let a script read. */
const ENTRIES = 5_000;

describe("a script that reads all that a project has", async () => {
  const { standIn, observed: engine, store } = await startObserved("real");
  const caller = await freshProject(store);
  const stage: Stage = { store, caller, endpoint: newEndpoint(), type: `type.${crypto.randomUUID()}` };

  beforeAll(async () => {
    const names = keysOf(caller.project);
    const now = Date.now();
    const numbers = Array.from({ length: ENTRIES }, (_, number) => number);
    const keys = numbers.flatMap((number) => [`k:${number}`, "a grant"]);
    await standIn.engine.call(["HSET", names.project, ...keys]);
    const letters = numbers.flatMap((number) => [`${now}`, `del_${number}`]);
    await standIn.engine.call(["ZADD", names.deadLetters(stage.endpoint, hourOf(now)), ...letters]);
    engine.taken();
  });

  test.each(UNBOUNDED)("exceeds its bound: $point", async ({ script }) => {
    for (const prepare of Object.values(SITUATIONS[script] ?? {})) {
      const run = await prepare(stage);
      await run();
    }
    expect(() => expectWithinBounds(engine, script)).toThrow(`elements that ${script} touches`);
  });
});
