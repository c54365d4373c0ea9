import { afterEach, describe, expect, test, vi } from "vitest";
import * as z from "zod/mini";
import { createRingback, defineTask } from "../../src/index.ts";
import { worker } from "../../src/runtime/workers.ts";
import { environment } from "./complete.ts";

const echo = (text: string) => defineTask({ type: "say.it", input: z.null(), handler: () => text });

afterEach(() => {
  vi.restoreAllMocks();
});

describe("task types that are made from the environment", () => {
  test("get its settings, once per environment", () => {
    const tasks = vi.fn((env: Readonly<Record<string, string>>) => [echo(env["GREETING"] ?? "")]);
    const connect = createRingback({ tasks });
    const env = { ...environment, GREETING: "hello" };
    expect(connect(env)).toBe(connect(env));
    expect(tasks.mock.calls).toEqual([[env]]);
  });

  test("that cannot be made are reported in the log alone, once, and answered 503", async () => {
    const error = vi.spyOn(console, "error").mockReturnValue();
    const gateway = worker(createRingback({ tasks: () => [echo(new URL("a-secret").href)] }));
    for (const _time of [1, 2]) {
      const request = new Request("https://ringback.example.com/v1/tasks");
      const response = await gateway.fetch(request, environment, { waitUntil: () => undefined });
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({
        code: "misconfigured",
        detail: "The function that makes the task types failed: the log says why.",
      });
    }
    expect(error).toHaveBeenCalledTimes(1);
    expect(error.mock.calls[0]?.[0]).toMatch(/"bad-configuration".*Invalid URL/);
  });
});
