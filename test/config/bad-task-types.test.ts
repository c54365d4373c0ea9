import { afterEach, describe, expect, test, vi } from "vitest";
import * as z from "zod/mini";
import { ConfigError } from "../../src/config/config.ts";
import { createRingback, defineTask } from "../../src/index.ts";
import type { AnyTask } from "../../src/task.ts";
import { environment } from "./complete.ts";

const typeWith = (part: Partial<AnyTask>): AnyTask =>
  defineTask({ type: "say.it", input: z.null(), handler: () => undefined, ...part });

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a task type that cannot work stops the start, and the log says why", () => {
  test.each<[string, AnyTask[]]>([
    ['"say|it" needs a name', [typeWith({ type: "say|it" })]],
    ['concurrency of "say.it"', [typeWith({ concurrency: 0 })]],
    ['retries of "say.it"', [typeWith({ retries: -1 })]],
    ['timeout of "say.it"', [typeWith({ start: "immediate" })]],
    ["have the name say.it", [typeWith({}), typeWith({})]],
    ["have the name http.request", [typeWith({ type: "http.request" })]],
  ])("%s", (reason, tasks) => {
    const error = vi.spyOn(console, "error").mockReturnValue();
    const ringback = createRingback({ tasks });
    const start = () => ringback({ ...environment });
    const line = expect.stringContaining(JSON.stringify(reason).slice(1, -1));
    expect(start).toThrow(ConfigError);
    expect(error).toHaveBeenCalledExactlyOnceWith(line);
    expect(start).toThrow(reason);
  });
});
