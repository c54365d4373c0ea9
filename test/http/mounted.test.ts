import { Hono } from "hono";
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

function mounted(options: { readonly env?: object } = {}): Hono {
  const main = new Hono();
  main.get("/", (c) => c.text("mine"));
  main.route("/async", createRingback({ tasks: [], ...options }).app);
  main.notFound((c) => c.text("nothing of mine", 404));
  return main;
}

describe("the gateway as a part of another Hono app", () => {
  test("answers below its path with the environment of the request, without an execution context", async () => {
    const main = mounted();
    expect((await main.request("/async/healthz", {}, ENV)).status).toBe(200);
    expect(await (await main.request("/", {}, ENV)).text()).toBe("mine");
    expect(await (await main.request("/elsewhere", {}, ENV)).text()).toBe("nothing of mine");
    const problem = await main.request("/async/nowhere", {}, ENV);
    expect(await problem.json()).toMatchObject({
      code: "not-found",
      type: "https://app.example/async/problems/not-found",
    });
  });

  test("takes the environment of its options where the runtime gives none", async () => {
    expect((await mounted({ env: ENV }).request("/async/healthz")).status).toBe(200);
  });

  test("gives the work after an answer to the execution context", async () => {
    const work: Promise<unknown>[] = [];
    const context = {
      waitUntil: (one: Promise<unknown>) => void work.push(one),
      passThroughOnException: () => undefined,
      props: undefined,
    };
    vi.spyOn(console, "warn").mockReturnValue();
    vi.spyOn(console, "error").mockReturnValue();
    const probe = new Request("https://app.example/async/internal/probe", {
      method: "POST",
      body: JSON.stringify({ v: 1, nonce: "n" }),
    });
    expect((await mounted().fetch(probe, ENV, context)).status).toBe(401);
    expect(work).toHaveLength(1);
    await Promise.all(work);
  });

  test("answers 503 with the names of the variables that are missing", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    const response = await mounted().request("/async/healthz", {}, {});
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      code: "misconfigured",
      detail: expect.stringContaining("RINGBACK_MASTER_SECRET is required"),
    });
  });
});
