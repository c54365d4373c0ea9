import { describe, expect, test, vi } from "vitest";
import { createRingback } from "../../src/index.ts";

const ENV = {
  UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9",
  UPSTASH_REDIS_REST_TOKEN: "t",
  QSTASH_URL: "http://127.0.0.1:9",
  QSTASH_TOKEN: "t",
  QSTASH_CURRENT_SIGNING_KEY: "sig_a",
  QSTASH_NEXT_SIGNING_KEY: "sig_b",
  RINGBACK_PUBLIC_URL: "https://app.example/async",
  RINGBACK_MASTER_SECRET: "a master secret for tests, and for nothing else",
  RINGBACK_ADMIN_TOKEN: "an-admin-token-of-some-length",
};

const gatewayAt = (publicUrl: string) =>
  createRingback({ tasks: [] })({ ...ENV, RINGBACK_PUBLIC_URL: publicUrl });

describe("a gateway whose public URL has a path", () => {
  const at = (path: string, init?: RequestInit) =>
    gatewayAt("https://app.example/async").fetch(new Request(`https://app.example${path}`, init));

  test("answers below it, and builds every address on it", async () => {
    expect((await at("/async/healthz")).status).toBe(200);
    const document = await at("/async/openapi.json");
    expect(await document.json()).toMatchObject({ servers: [{ url: "https://app.example/async" }] });
    const problem = await at("/async/v1/tasks/task_0?x=1");
    expect(await problem.json()).toMatchObject({
      type: "https://app.example/async/problems/unauthenticated",
      instance: "https://app.example/async/v1/tasks/task_0",
    });
  });

  test("links its pages below it", async () => {
    for (const path of ["/async/problems", "/async/problems/not-found"]) {
      const html = await (await at(path)).text();
      const links = [...html.matchAll(/ href="(\/[^"]*)"/g)].map(([, target]) => target);
      expect(links.length).toBeGreaterThan(20);
      expect(links.filter((target) => !target?.startsWith("/async/"))).toEqual([]);
    }
  });

  test.each([
    "/",
    "/healthz",
    "/asynchronous/healthz",
    "/async%2Fhealthz",
    "/x/async/healthz",
    "//async/healthz",
  ])("finds nothing at %s, and says where it answers", async (path) => {
    const response = await at(path);
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({
      code: "not-found",
      type: "https://app.example/async/problems/not-found",
      detail: expect.stringContaining("https://app.example/async"),
      requestId: response.headers.get("x-request-id"),
    });
  });

  test("has no body for a HEAD outside of it", async () => {
    const response = await at("/other", { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([404, ""]);
  });

  test.each([
    ["https://app.example/async/", "/async/healthz"],
    ["https://app.example/a/b", "/a/b/healthz"],
    ["https://app.example/a%20b", "/a%20b/healthz"],
    ["https://app.example/\u00e4", "/%C3%A4/healthz"],
    ["https://app.example", "/healthz"],
    ["https://app.example/", "/healthz"],
  ])("%s answers at %s", async (publicUrl, path) => {
    const response = await gatewayAt(publicUrl).fetch(new Request(`https://app.example${path}`));
    expect(response.status).toBe(200);
  });
});

describe("a deployment", () => {
  test("has one gateway per environment, and reports a bad one once", () => {
    const error = vi.spyOn(console, "error").mockReturnValue();
    const ringback = createRingback({ tasks: [] });
    expect(ringback(ENV)).toBe(ringback(ENV));
    expect(ringback({ ...ENV })).not.toBe(ringback(ENV));
    const bad = {};
    expect(() => ringback(bad)).toThrow("RINGBACK_MASTER_SECRET is required");
    expect(() => ringback(bad)).toThrow("RINGBACK_MASTER_SECRET is required");
    expect(error).toHaveBeenCalledTimes(1);
    error.mockRestore();
  });

  test("without files says which line to add", async () => {
    const response = await gatewayAt("https://app.example").fetch(new Request("https://app.example/docs"));
    expect(response.status).toBe(404);
    expect((await response.json()).detail).toContain("assets: (env) => env.ASSETS");
  });
});
