import { describe, expect, test } from "vitest";
import { ConfigError, readConfig } from "../../src/config/config.ts";
import { environment as complete } from "./complete.ts";

const environment = {
  ...complete,
  RENDER_TOKEN: "render-secret",
  EMPTY: "",
  BROKEN: "a\r\nb: c",
};
const good = { name: "render", baseUrl: "https://render.example.com/api", paths: ["/v1/"] };
const variable = (name: string): string => `$\{${name}}`;

function read(services: unknown, more: Readonly<Record<string, string>> = {}) {
  const text = typeof services === "string" ? services : JSON.stringify(services);
  return readConfig({ ...environment, RINGBACK_SERVICES: text, ...more });
}

function faultOf(services: unknown, more: Readonly<Record<string, string>> = {}): string {
  try {
    read(services, more);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("there was no fault");
}

describe("RINGBACK_SERVICES", () => {
  test("what is left out has its default", () => {
    expect(read([good]).services.get("render")).toEqual({
      ...good,
      methods: ["GET", "POST"],
      headers: {},
      requestHeaders: [],
      responseHeaders: [],
      timeout: 60_000,
      retries: 3,
      completion: "none",
      poll: { interval: 5_000, pending: [] },
      responseLimit: 5_242_880,
    });
    expect(read("").services.size).toBe(0);
    expect(read([]).services.size).toBe(0);
  });

  test("everything can be said; names become lower case, variables their values", () => {
    const services = read([
      {
        ...good,
        baseUrl: "https://render.example.com/",
        methods: ["DELETE"],
        headers: {
          Authorization: `Bearer ${variable("RENDER_TOKEN")}`,
          Cookie: `a=${variable("RENDER_TOKEN")}; b=${variable("RENDER_TOKEN")}`,
          "User-Agent": "shop/1.0",
        },
        requestHeaders: ["X-Tenant"],
        responseHeaders: ["X-Pages"],
        timeout: "12h",
        retries: 0,
        concurrency: 2,
        completion: "poll",
        poll: { interval: "10s", pending: ["running"] },
        responseLimit: "700KiB",
      },
    ]).services;
    expect(services.get("render")).toEqual({
      name: "render",
      baseUrl: "https://render.example.com",
      paths: ["/v1/"],
      methods: ["DELETE"],
      headers: {
        authorization: "Bearer render-secret",
        cookie: "a=render-secret; b=render-secret",
        "user-agent": "shop/1.0",
      },
      requestHeaders: ["x-tenant"],
      responseHeaders: ["x-pages"],
      timeout: 43_200_000,
      retries: 0,
      concurrency: 2,
      completion: "poll",
      poll: { interval: 10_000, pending: ["running"] },
      responseLimit: 716_800,
    });
  });

  test("a service over http is one of a local run", () => {
    const local = { RINGBACK_CALLBACK_POLICY: "local" };
    const services = read([{ ...good, baseUrl: "http://127.0.0.1:9000" }], local).services;
    expect(services.get("render")?.baseUrl).toBe("http://127.0.0.1:9000");
  });

  for (const [what, services, fault] of [
    ["no JSON", "[{", " must be JSON"],
    ["no list", { render: good }, " must be an array"],
    ["two of one name", [good, good], " has two of the same name"],
    ["no name", [{ ...good, name: undefined }], "[0].name is required"],
    [
      "a name that is none",
      [{ ...good, name: "Render" }],
      "[0].name must be a-z, 0-9 and hyphens, at most 32",
    ],
    ["a name that is too long", [{ ...good, name: "a".repeat(33) }], "[0].name must be"],
    ["no address", [good, { ...good, name: "b", baseUrl: undefined }], "[1].baseUrl is required"],
    ["another scheme", [{ ...good, baseUrl: "ftp://x.example/" }], "[0].baseUrl must be an http(s) address"],
    ["a user", [{ ...good, baseUrl: "https://u:p@x.example/" }], "[0].baseUrl must be an http(s) address"],
    ["a query", [{ ...good, baseUrl: "https://x.example/?a" }], "[0].baseUrl must be an http(s) address"],
    [
      "dot segments",
      [{ ...good, baseUrl: "https://x.example/a/../b" }],
      "[0].baseUrl is not in its normal form",
    ],
    ["capitals", [{ ...good, baseUrl: "https://X.example/" }], "[0].baseUrl is not in its normal form"],
    [
      "the default port",
      [{ ...good, baseUrl: "https://x.example:443" }],
      "[0].baseUrl is not in its normal form",
    ],
    ["http", [{ ...good, baseUrl: "http://x.example" }], "[0].baseUrl must be https"],
    [
      "the gateway itself",
      [{ ...good, baseUrl: "https://ringback.example.com/internal" }],
      "[0].baseUrl leads to the gateway itself",
    ],
    ["no paths", [{ ...good, paths: [] }], "[0].paths must have at least 1 items"],
    ["a path without a slash", [{ ...good, paths: ["v1/"] }], "[0].paths[0] must be a path such as /v1/"],
    ["a path with a query", [{ ...good, paths: ["/v1?a"] }], "[0].paths[0] must not have a query"],
    ["a path that climbs", [{ ...good, paths: ["/v1/../"] }], "[0].paths[0] must be a path such as /v1/"],
    ["another method", [{ ...good, methods: ["HEAD"] }], "[0].methods[0] must be one of"],
    ["no methods", [{ ...good, methods: [] }], "[0].methods must have at least 1 items"],
    ["a timeout of nothing", [{ ...good, timeout: "0s" }], "[0].timeout must be a duration"],
    ["a timeout that is too long", [{ ...good, timeout: "13h" }], "[0].timeout must be a duration"],
    ["retries below none", [{ ...good, retries: -1 }], "[0].retries must be at least 0"],
    ["no concurrency", [{ ...good, concurrency: 0 }], "[0].concurrency must be at least 1"],
    ["another completion", [{ ...good, completion: "later" }], "[0].completion must be one of"],
    ["a fast poll", [{ ...good, poll: { interval: "1ms" } }], "[0].poll.interval must be a duration"],
    [
      "a size that is none",
      [{ ...good, responseLimit: "5MB" }],
      "[0].responseLimit must be a size, at most 5MiB",
    ],
    ["a size that is too large", [{ ...good, responseLimit: "6MiB" }], "[0].responseLimit must be a size"],
    ["a field that nobody knows", [{ ...good, secret: "x" }], "[0].secret is not a known field"],
    [
      "a request header that is never sent",
      [{ ...good, requestHeaders: ["Authorization"] }],
      "[0].requestHeaders[0] is never passed on",
    ],
    [
      "a cookie to be shown",
      [{ ...good, responseHeaders: ["x-a", "Set-Cookie"] }],
      "[0].responseHeaders[1] is never passed on",
    ],
    [
      "a header's name that is none",
      [{ ...good, responseHeaders: ["a b"] }],
      "[0].responseHeaders[0] is no name of a header",
    ],
    [
      "a header of the queue's",
      [{ ...good, headers: { "Upstash-Retries": "9" } }],
      "[0].headers.Upstash-Retries is never passed on",
    ],
    [
      "a header of the connection's",
      [{ ...good, headers: { Host: "x" } }],
      "[0].headers.Host is never passed on",
    ],
    [
      "a variable that is not there",
      [{ ...good, headers: { "X-Key": variable("NOWHERE") } }],
      "[0].headers.X-Key needs the variable NOWHERE",
    ],
    [
      "a variable that is empty",
      [{ ...good, headers: { "X-Key": variable("EMPTY") } }],
      "[0].headers.X-Key needs the variable EMPTY",
    ],
    [
      "a variable with a line break",
      [{ ...good, headers: { "X-Key": variable("BROKEN") } }],
      "[0].headers.X-Key has a value",
    ],
  ] as const) {
    test(`${what} stops the start and is named, its value never quoted`, () => {
      const message = faultOf(services);
      expect(message).toContain(`RINGBACK_SERVICES${fault}`);
      for (const value of ["render-secret", "u:p", "a\r\nb"]) expect(message).not.toContain(value);
    });
  }
});
