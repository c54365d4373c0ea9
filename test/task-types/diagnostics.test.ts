import { describe, expect, it } from "vitest";
import { wait } from "../../src/task.ts";
import { echo } from "../../src/task-types/diagnostics-echo.ts";
import { flaky } from "../../src/task-types/diagnostics-flaky.ts";
import { waiting } from "../../src/task-types/diagnostics-wait.ts";
import { faults, run, taskError } from "./context.ts";

describe("diagnostics.echo", () => {
  it.each([null, true, 0, "x", [], [1, "a", null], {}, { a: { b: [{}] } }])(
    "gives %j back",
    async (input) => {
      expect(await run(echo, input)).toEqual(input);
    },
  );
});

describe("diagnostics.flaky", () => {
  it("fails as many attempts as it was told, retryably, then succeeds", async () => {
    const input = { failures: 2, payload: { a: 1 } };
    for (const attempt of [1, 2]) {
      const error = await taskError(run(flaky, input, { attempt }));
      expect([error.code, error.retryable]).toEqual(["flaky", true]);
    }
    expect(await run(flaky, input, { attempt: 3 })).toEqual({ attempt: 3, payload: { a: 1 } });
    expect(await run(flaky, { failures: 0 })).toEqual({ attempt: 1 });
  });

  it("sleeps before it ends, until the signal aborts", async () => {
    const started = performance.now();
    await run(flaky, { failures: 0, sleepMs: 60 });
    expect(performance.now() - started).toBeGreaterThanOrEqual(55);
    const controller = new AbortController();
    const reason = new Error("canceled");
    setTimeout(() => controller.abort(reason), 20);
    const sleeping = run(flaky, { failures: 0, sleepMs: 60_000 }, { signal: controller.signal });
    await expect(sleeping).rejects.toBe(reason);
    const late = run(flaky, { failures: 0, sleepMs: 1 }, { signal: AbortSignal.abort(reason) });
    await expect(late).rejects.toBe(reason);
  });

  it.each([{}, { failures: -1 }, { failures: 1.5 }, { failures: 0, sleepMs: -1 }, { failures: 0, other: 1 }])(
    "refuses %j",
    (input) => {
      expect(faults(flaky, input)).not.toEqual([]);
    },
  );
});

describe("diagnostics.wait", () => {
  it("hands its work on, with the heartbeat that its input asks for", async () => {
    expect(await run(waiting, {})).toEqual(wait());
    expect(await run(waiting, { heartbeat: 1_500, holdMs: 1 })).toEqual(wait({ heartbeat: 1_500 }));
  });

  it.each([{ heartbeat: -1 }, { holdMs: 600_001 }, { everyMs: 1 }, { other: 1 }])("refuses %j", (input) => {
    expect(faults(waiting, input)).not.toEqual([]);
  });
});
