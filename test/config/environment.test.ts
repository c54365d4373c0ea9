import { afterEach, describe, expect, test, vi } from "vitest";
import { createRingback } from "../../src/app.ts";
import { ConfigError, readConfig } from "../../src/config/config.ts";
import worker from "../../src/worker.ts";

const environment: Readonly<Record<string, string>> = {
  UPSTASH_REDIS_REST_URL: "https://redis.example.com",
  UPSTASH_REDIS_REST_TOKEN: "redis-token",
  QSTASH_TOKEN: "qstash-token",
  QSTASH_CURRENT_SIGNING_KEY: "sig_a",
  QSTASH_NEXT_SIGNING_KEY: "sig_b",
  RINGBACK_PUBLIC_URL: "https://ringback.example.com",
  RINGBACK_MASTER_SECRET: "a master secret for tests",
  RINGBACK_ADMIN_TOKEN: "an admin token for tests",
};

function faultOf(more: Readonly<Record<string, string>>): string {
  try {
    createRingback({ tasks: [] })({ ...environment, ...more });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a bad value is a ConfigError that names the variable and never quotes the value", () => {
  test.each([
    "https://foo",
    "foo/bar",
    "foo:0",
    "foo:99999",
    ":0",
    ":65536",
    ":",
    "user@foo",
    "[::1",
    "foo?bar",
    "a b",
    "good.example,https://foo",
  ])("RINGBACK_CALLBACK_ALLOW=%s", (value) => {
    const fault = faultOf({ RINGBACK_CALLBACK_ALLOW: value });
    expect(fault).toMatch(/^RINGBACK_CALLBACK_ALLOW must be hosts/);
    expect(fault).not.toContain(value.length > 3 ? value : "quoted");
  });

  test.each(Object.keys(environment))("%s with a line end", (name) => {
    const fault = faultOf({ [name]: `${environment[name]}\n` });
    expect(fault).toMatch(new RegExp(`^${name} must`));
    expect(fault).not.toContain(environment[name]);
  });

  test("an allow list that is right is kept entry by entry", () => {
    const value = " hooks.internal:9443, 10.20.30.40 ,:10443,[fd00::1]:8080,, ";
    expect(readConfig({ ...environment, RINGBACK_CALLBACK_ALLOW: value }).callbacks.allow).toEqual([
      "hooks.internal:9443",
      "10.20.30.40",
      ":10443",
      "[fd00::1]:8080",
    ]);
  });
});

describe("a variable that the gateway does not know", () => {
  test("is warned of once, by its name alone", () => {
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    const connect = createRingback({ tasks: [] });
    connect({ ...environment, RINGBACK_RATE_LIMITS: "a-secret", UNRELATED: "x", RINGBACK_API_KEY: "rb_x" });
    expect(warn.mock.calls).toEqual([
      [JSON.stringify({ level: "warn", event: "unknown-variable", name: "RINGBACK_RATE_LIMITS" })],
    ]);
  });

  test("is not warned of when RINGBACK_SERVICES names it", () => {
    const services = [
      {
        name: "render",
        baseUrl: "https://render.example.com",
        paths: ["/v1/"],
        headers: { authorization: "Bearer ${RINGBACK_RENDER_TOKEN}" },
      },
    ];
    const config = readConfig({
      ...environment,
      RINGBACK_SERVICES: JSON.stringify(services),
      RINGBACK_RENDER_TOKEN: "x",
    });
    expect(config.unknownVariables).toEqual([]);
  });
});

describe("a Worker without its secrets", () => {
  test("answers 503 with the names of what is missing, and says so once in its log", async () => {
    const error = vi.spyOn(console, "error").mockReturnValue();
    const context = { waitUntil: () => undefined };
    const env = { RINGBACK_PUBLIC_URL: "https://ringback.example.com" };
    const answers = await Promise.all(
      ["/v1/tasks", "/healthz"].map((path) =>
        worker.fetch(new Request(`https://ringback.example.com${path}`), env, context),
      ),
    );
    for (const response of answers) {
      expect(response.status).toBe(503);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(await response.json()).toMatchObject({
        code: "misconfigured",
        detail: expect.stringContaining("RINGBACK_MASTER_SECRET is required"),
        requestId: response.headers.get("x-request-id"),
      });
    }
    worker.scheduled(undefined, env, context);
    expect(error).toHaveBeenCalledTimes(1);
    expect(error.mock.calls[0]?.[0]).toContain("bad-configuration");
  });
});
