import { describe, expect, test } from "vitest";
import { ReplyError } from "../../src/local/engine.ts";
import { StoreUnavailable } from "../../src/ports/errors.ts";
import { KINDS } from "../local/redis-stand-in.ts";
import { everyScript } from "./every-script.ts";
import { faultsIn } from "./leavings.ts";
import { startObserved } from "./observed-engine.ts";
import { ON_THE_WAY, SITUATIONS } from "./situations/index.ts";
import { newEndpoint, type Stage } from "./situations/stage.ts";
import { freshProject } from "./store-fixture.ts";

test("every script has a situation in which its commands fail", async () => {
  const known = [...Object.keys(SITUATIONS), ...Object.keys(ON_THE_WAY)].sort();
  expect(known).toEqual([...(await everyScript()).keys()].sort());
});

/** Commands of one run that are made to fail, one after the other: what has more repeats the same read. */
const MOST = 60;

const WRITING = /^(?:Z(?:ADD|REM)|H(?:SET|DEL)|SET|DEL|PEXPIRE|PERSIST|RENAME)/;

describe.each(KINDS)("a command that fails inside a script on the %s engine", async (kind) => {
  const { standIn, observed: watched, store } = await startObserved(kind);

  const redis = async (...words: string[]): Promise<string[]> => {
    const reply = await standIn.engine.call(words);
    if (reply instanceof ReplyError) throw new Error(reply.message);
    return (Array.isArray(reply) ? reply : [reply]).map((one) => (one === null ? "" : String(one)));
  };

  async function setStage(): Promise<Stage> {
    return {
      store,
      caller: await freshProject(store),
      endpoint: newEndpoint(),
      type: `limited.${crypto.randomUUID()}`,
    };
  }

  const faults = ({ caller, type }: Stage) => faultsIn(redis, caller.project, type);

  const cases = Object.entries(SITUATIONS).flatMap(([script, situations]) =>
    Object.entries(situations).map(([name, prepare]) => ({ script, name, prepare })),
  );

  test.for(cases)(
    "$script, $name: is safe, and succeeds when it is repeated",
    { timeout: 120_000 },
    async ({ script, prepare }) => {
      const first = await prepare(await setStage());
      watched.taken();
      const expected = kindOf(await first());
      const runs = watched.taken().filter((run) => run.script === script);
      const commands = Math.max(...runs.map((run) => run.commands.length));
      expect(runs.length).toBeGreaterThan(0);
      const writes = runs.some((run) => run.commands.some(({ command }) => WRITING.test(command)));
      const most = writes ? Math.min(commands, MOST) : 1; // what reads leaves nothing, wherever it fails
      for (let n = 1; n <= most; n++) {
        const stage = await setStage();
        const run = await prepare(stage);
        const failed = await watched.failing(script, n, () => run().then(() => false, refused));
        expect(await faults(stage), `command ${n} of ${commands} failed (${failed})`).toEqual([]);
        const again = kindOf(await run());
        expect(SAME[again] ?? again, `repeated after command ${n} failed`).toBe(SAME[expected] ?? expected);
        expect(await faults(stage), `repeated after command ${n} failed`).toEqual([]);
      }
    },
  );
});

/** Answers to a repetition that say the same as the first. */
const SAME: Readonly<Record<string, string>> = {
  missing: "erased",
  already: "ended",
  known: "opened",
  early: "opened",
};

function refused(error: unknown): true {
  expect(error).toBeInstanceOf(StoreUnavailable);
  expect(String(error)).toContain("OOM"); // told from a refusal for good
  return true;
}

function kindOf(answer: unknown): string {
  if (typeof answer !== "object" || answer === null) return typeof answer;
  return "kind" in answer ? String(answer.kind) : "object";
}
