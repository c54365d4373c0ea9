import { afterEach, describe, expect, test, vi } from "vitest";
import { ConfigError, readConfig, VARIABLES } from "../../src/config/config.ts";
import { createRingback } from "../../src/index.ts";
import worker from "../../src/worker.ts";
import { environment } from "./complete.ts";

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
    "*.foo.example",
    "*",
    "foo..example",
    "10.0.0.0-10.0.0.9",
    "10.0.0.*",
    "foo;bar.example",
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

  /** Values of each variable that cannot be used; SERVICES have a file of their own. */
  const address = [
    "hunter2",
    "ftp://hunter2.example",
    "//hunter2.example",
    "https://hunter2@a.example",
    "https://u:hunter2@a.example",
    "https://a.example/?hunter2",
    "https://a.example/#hunter2",
    "https://hunter2 .example",
    "https://hunter2.example:99999",
    "https://.hunter2",
    "https://$hunter2.example",
    "https://a",
    "https:\\\\hunter2.example",
  ];
  const token = [
    "hunter2 ",
    "hunter2\u00e4-and-more-text",
    "hunter2\u0416-and-more-text",
    "hunter2\nand-more-text",
  ];
  const count = ["0", "-1", "1.5", "1e3", "0x10", "hunter2", "9999999999"];
  const flag = ["hunter2", "TRUE", "1", "yes", "constructor", "toString", "__proto__"];
  const time = ["hunter2", "5", "0s", "-1s", "5 s", "1y", "999999999999d"];
  const BAD: Readonly<Record<string, readonly string[]>> = {
    UPSTASH_REDIS_REST_URL: address,
    UPSTASH_REDIS_REST_TOKEN: token,
    QSTASH_URL: address,
    QSTASH_TOKEN: token,
    QSTASH_CURRENT_SIGNING_KEY: [" hunter2"],
    QSTASH_NEXT_SIGNING_KEY: ["hunter2\t"],
    RINGBACK_PUBLIC_URL: address,
    RINGBACK_MASTER_SECRET: ["hunter2", "hunter2-and-more-text\n"],
    RINGBACK_PREVIOUS_MASTER_SECRET: ["hunter2"],
    RINGBACK_ENCRYPT_PAYLOADS: flag,
    RINGBACK_ADMIN_TOKEN: ["hunter2", ...token],
    RINGBACK_CALLBACK_POLICY: ["hunter2", "Strict", "none"],
    RINGBACK_CALLBACK_ALLOW: ["https://hunter2.example"],
    RINGBACK_DOH_URL: address,
    RINGBACK_RETRY_SCHEDULE: ["hunter2", "5s,", "5s;6s", "8d", `${"1s,".repeat(20)}1s`],
    RINGBACK_CALLBACK_TIMEOUT: [...time, "11m", "99ms"],
    RINGBACK_RESULT_TTL: [...time, "31d"],
    RINGBACK_TASK_RETENTION: [
      ...time,
      "59s",
      "91d",
      "{",
      "null",
      "[]",
      '"7d"',
      '{"succeeded":"hunter2"}',
      '{"succeeded":7}',
      '{"failed":"59s"}',
      '{"expired":"91d"}',
      '{"done":"7d"}',
      '{"__proto__":"7d"}',
    ],
    RINGBACK_DELIVERY_RETENTION: [...time, "59s", "91d"],
    RINGBACK_RATE_LIMIT: count,
    RINGBACK_METRICS_TOKEN: ["hunter2", ...token],
    RINGBACK_READ_LIMIT: count,
    RINGBACK_MAX_OPEN: count,
    RINGBACK_MAX_BODY: ["hunter2", "0B", "5MiB", "1MB"],
    RINGBACK_CONCURRENCY_PER_KEY: count,
    RINGBACK_CONCURRENCY_PER_PROJECT: count,
    RINGBACK_CORS_ORIGINS: [
      "hunter2",
      "*,https://hunter2.example",
      "https://*.hunter2.example",
      "https://hunter2.example/",
      "https://hunter2.example/path",
      "https://HUNTER2.example",
      "https://hunter2.example:443",
      "https://a@hunter2.example",
      "ftp://hunter2.example",
      "file://hunter2",
      "null",
      "//hunter2.example",
      "https://hunter2.example https://b.example",
    ],
    RINGBACK_MAX_ENDPOINTS: count,
    RINGBACK_PARTITIONS: count,
    RINGBACK_SERVICES: ["hunter2", "{}", '[{"name":"hunter2"}]', "[null]"],
    RINGBACK_SWEEP_INTERVAL: [...time, "25d"], // a timer holds no more: it would fire at once
    RINGBACK_DIAGNOSTICS: flag,
    RINGBACK_LOG_LEVEL: ["hunter2", "INFO", "warning", "0"],
  };

  test("every variable has its bad values here", () => {
    expect(Object.keys(BAD).sort()).toEqual([...VARIABLES].sort());
  });

  test.each(Object.entries(BAD).flatMap(([name, values]) => values.map((value) => [name, value] as const)))(
    "%s=%j",
    (name, value) => {
      const fault = faultOf({ [name]: value });
      expect(fault).toMatch(new RegExp(`^${name}\\S* (must|is|has)`));
      expect(fault).not.toContain("hunter2");
      expect(fault).not.toContain("\n");
    },
  );

  test("origins of pages are kept one by one; `*` stands alone", () => {
    const origins = (value: string) =>
      readConfig({ ...environment, RINGBACK_CORS_ORIGINS: value }).settings.corsOrigins;
    expect(origins(" https://app.example.com,http://localhost:5173 ,, http://[::1]:8080")).toEqual([
      "https://app.example.com",
      "http://localhost:5173",
      "http://[::1]:8080",
    ]);
    expect(origins("*")).toEqual(["*"]);
    expect(readConfig(environment).settings.corsOrigins).toEqual([]);
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
    expect(warn.mock.calls.map(([line]) => JSON.parse(line))).toEqual([
      {
        time: expect.any(String),
        level: "warn",
        event: "unknown-variable",
        name: "RINGBACK_RATE_LIMITS",
      },
    ]);
  });

  test.each([
    "RINGBACK_RATE_LIMITS",
    "RINGBACK_ANYTHING_AT_ALL",
    "ringback_rate_limit",
    "Ringback_Rate_Limit",
    "_RINGBACK_RATE_LIMIT",
    "RING_BACK_RATE_LIMIT",
    "RINGBACKRATE_LIMIT",
    "RINGBAK_RATE_LIMIT",
    "RIGNBACK_DIAGNOSTICS",
    "RNGBACK_MAX_BODYS",
    "QSTASH_ULR",
    "UPSTASH_REDIS_REST_TOKENS",
  ])("is warned of when it is nearly one: %s", (name) => {
    expect(readConfig({ ...environment, [name]: "a-secret" }).unknownVariables).toEqual([name]);
  });

  test.each([
    "RINGBACK_URL",
    "UPSTASH_VECTOR_REST_URL",
    "UPSTASH_DISABLE_TELEMETRY",
    "QSTASH_REGION",
    "PORT",
    "HOST",
    "RINGTONE",
    "BACKUP_RATE_LIMIT",
  ])("is nobody's fault: %s", (name) => {
    expect(readConfig({ ...environment, [name]: "x" }).unknownVariables).toEqual([]);
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
      [
        ...["/v1/tasks", "/healthz", "/readyz", "/openapi.json", "/docs", "/nowhere", "/"].map(
          (path) => [path, "GET"] as const,
        ),
        ...["/v1/tasks", "/internal/run", "/internal/sweep", "/internal/probe", "/admin/doctor"].map(
          (path) => [path, "POST"] as const,
        ),
      ].map(([path, method]) =>
        worker.fetch(new Request(`https://ringback.example.com${path}`, { method }), env, context),
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
    await worker.scheduled(undefined, env, context);
    expect(error).toHaveBeenCalledTimes(1);
    expect(error.mock.calls[0]?.[0]).toContain("bad-configuration");
  });
});
