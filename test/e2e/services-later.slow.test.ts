import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { Client, eventually } from "../support/client.ts";
import { raw, request, SECRETS, test } from "../support/services.ts";
import type { Called, Upstream } from "../support/upstream.ts";
import { reached, replicateWebhook, reportAll, sweepNow } from "../support/waiting.ts";

const json = (value: unknown, headers: Readonly<Record<string, string>> = {}) => ({
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(value),
});

/** A task that waits for a service, which has accepted the request and finishes later. */
async function waitingFor(client: Client, upstream: Upstream) {
  const place = upstream.open([{ status: 202 }]);
  const id = await request(client, { service: "token", path: place.path });
  await reached(client, id, "waiting");
  return { place, id };
}

/** What a service that finishes later was handed. */
function handed(client: Client, call: Called | undefined) {
  const token = call?.headers["ringback-task-token"] ?? "";
  return {
    bearer: new Client(client, token),
    token,
    completionUrl: call?.headers["ringback-completion-url"] ?? "",
  };
}

describe("a service that completes by token", () => {
  test("answers 202, the task waits, and whoever has the token ends it", async ({
    client,
    upstream,
    stack,
  }) => {
    const { place, id } = await waitingFor(client, upstream);
    const { bearer, token, completionUrl } = handed(client, place.calls[0]);
    expect(token).toMatch(/^rbt_/);
    expect(completionUrl).toBe(`${client.url}/v1/complete/${token}`);
    const progress = await bearer.send("POST", `/v1/tasks/${id}/progress`, { body: { percent: 40 } });
    expect(progress.status).toBe(200);
    const done = await bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: { frames: 3 } } });
    expect(done.json()).toEqual({ status: "succeeded", done: true });
    expect(await client.task(id)).toMatchObject({ result: { frames: 3 }, progress: { percent: 40 } });
    expect((await client.timeline(id)).map(({ type, actor }) => `${type} ${actor}`)).toEqual([
      "task.created client",
      "task.started worker",
      "task.waiting service",
      "task.succeeded service",
    ]);
    const { response, bytes } = await raw(client, id); // no service's answer: the bare result
    expect([response.headers.get("content-type"), bytes.toString()]).toEqual([
      "application/json",
      '{"frames":3}',
    ]);
    expect(place.calls).toHaveLength(1);
    const { url, token: queueToken } = stack.backing.qstash;
    const headers = { authorization: `Bearer ${queueToken}` };
    const logged = await (await fetch(`${url}/v2/logs?count=1000`, { headers })).text();
    expect(logged).toContain(place.path);
    for (const secret of [token, SECRETS.UPSTREAM_TOKEN]) {
      expect(logged).not.toContain(secret);
      expect(stack.gateway.running.output()).not.toContain(secret);
    }
  });

  test("may be faster than its own 202", async ({ client, upstream }) => {
    const place = upstream.open(async (call) => {
      const { bearer } = handed(client, call);
      const task = call.headers["idempotency-key"]?.split(".")[0] ?? "";
      await bearer.send("POST", `/v1/tasks/${task}/complete`, { body: { result: "early" } });
      return { status: 202 };
    });
    const id = await request(client, { service: "token", path: place.path });
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", result: "early" });
    await sleep(1_000);
    expect((await client.timeline(id)).map(({ type }) => type)).not.toContain("task.waiting");
  });

  test("may also answer at once: then that is the result", async ({ client, upstream }) => {
    const place = upstream.open([json({ cached: true })]);
    const id = await request(client, { service: "token", path: place.path });
    expect(await client.ended(id)).toMatchObject({ result: { status: 200, body: { cached: true } } });
  });

  test("takes the completion URL for a webhook, as Replicate does: what is sent again changes nothing", async ({
    client,
    upstream,
  }) => {
    const { place, id } = await waitingFor(client, upstream);
    const { completionUrl } = handed(client, place.calls[0]);
    const prediction = { id: "gm3q", status: "succeeded", output: ["https://replicate.delivery/x.png"] };
    expect(await replicateWebhook(completionUrl, prediction)).toEqual([200]);
    expect(await replicateWebhook(completionUrl, { ...prediction, status: "canceled" })).toEqual([200]);
    expect(await client.task(id)).toMatchObject({ status: "succeeded", result: prediction });
  });

  test("that fails is called again, with a token of its own; the older one is refused", async ({
    client,
    upstream,
  }) => {
    const { place, id } = await waitingFor(client, upstream);
    const first = handed(client, place.calls[0]);
    const body = { code: "out-of-memory", message: "The GPU is full." };
    expect((await first.bearer.send("POST", `/v1/tasks/${id}/fail`, { body })).status).toBe(200);
    await place.wait(2);
    await reached(client, id, "waiting");
    const late = await first.bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: 1 } });
    expect(late.problem().code).toBe("task-token-stale");
    const second = handed(client, place.calls[1]);
    expect(second.token).not.toBe(first.token);
    await second.bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: 2 } });
    expect(await client.task(id)).toMatchObject({ status: "succeeded", attempt: 2, result: 2 });
  });

  test("after a cancel is told so", async ({ client, upstream }) => {
    const { place, id } = await waitingFor(client, upstream);
    await client.send("POST", `/v1/tasks/${id}/cancel`);
    const { bearer, completionUrl } = handed(client, place.calls[0]);
    for (const [name, reply] of Object.entries(await reportAll(bearer, id))) {
      expect(reply.problem(), name).toMatchObject({ status: 410, cancelRequested: true });
    }
    expect(await replicateWebhook(completionUrl, {})).toEqual([200]);
    expect((await client.task(id)).status).toBe("canceled");
  });

  test("cannot plant headers of ours by a result that looks like an answer", async ({ client, upstream }) => {
    const { place, id } = await waitingFor(client, upstream);
    const headers = {
      "set-cookie": "a=1",
      "transfer-encoding": "x",
      "bad name": "x",
      "x-bad": "a\nb",
      link: "<a>",
    };
    const result = { status: 200, headers, body: "x" };
    await handed(client, place.calls[0]).bearer.send("POST", `/v1/tasks/${id}/complete`, {
      body: { result },
    });
    const { response, bytes } = await raw(client, id);
    expect([response.status, bytes.toString(), response.headers.get("link")]).toEqual([200, "x", "<a>"]);
    for (const name of ["set-cookie", "x-bad"]) expect(response.headers.has(name)).toBe(false);
  });

  test("handed no token where it is not to complete: its 202 is the result", async ({ client, upstream }) => {
    const place = upstream.open([{ status: 202, body: "queued there" }]);
    const id = await request(client, { service: "plain", path: place.path });
    expect(await client.ended(id)).toMatchObject({
      status: "succeeded",
      result: { status: 202, body: "queued there" },
    });
    expect(place.calls[0]?.headers).not.toHaveProperty("ringback-task-token");
  });
});

describe("a service that is polled", () => {
  test("its Location is asked, after Retry-After, until it is done", async ({ client, upstream }) => {
    const monitor = upstream.open([
      { status: 202, headers: { "retry-after": "2" } },
      json({ status: "working" }, { "retry-after": "1" }),
      json({ status: "done", url: "x" }, { "x-cost": "9" }),
    ]);
    const place = upstream.open([{ status: 202, headers: { location: monitor.path, "retry-after": "1" } }]);
    const id = await request(client, { service: "poll", path: place.path, body: 1 });
    await reached(client, id, "waiting");
    const task = await client.ended(id, 30_000);
    expect(task).toMatchObject({ status: "succeeded", attempt: 1 });
    expect(task.result).toMatchObject({ status: 200, body: { status: "done", url: "x" } });
    const [first, second] = monitor.calls;
    expect(first).toMatchObject({ method: "GET", headers: { "x-key": SECRETS.UPSTREAM_TOKEN } });
    expect(first?.at).toBeGreaterThanOrEqual((place.calls[0]?.at ?? 0) + 900);
    expect(second?.at).toBeGreaterThanOrEqual((first?.at ?? 0) + 1_900);
    expect([monitor.calls.length, place.calls.length]).toEqual([3, 1]);
    expect((await raw(client, id)).bytes.toString()).toBe('{"status":"done","url":"x"}');
  });

  test("Operation-Location comes before Location, absolute or not; 303 leads to the result", async ({
    client,
    upstream,
  }) => {
    const result = upstream.open([json({ ready: true })]);
    const monitor = upstream.open([{ status: 303, headers: { location: result.path } }]);
    const place = upstream.open([
      {
        status: 202,
        headers: { location: "/v1/not-this", "operation-location": upstream.url + monitor.path },
      },
    ]);
    const id = await request(client, { service: "poll", path: place.path });
    expect(await client.ended(id, 30_000)).toMatchObject({ result: { status: 200, body: { ready: true } } });
    expect([monitor.calls.length, result.calls.length]).toEqual([1, 1]);
  });

  test("a poll that fails for a while is asked again; the work is not done twice", async ({
    client,
    upstream,
  }) => {
    const monitor = upstream.open([{ status: 503 }, { cut: true }, json("done")]);
    const place = upstream.open([{ status: 202, headers: { location: monitor.path } }]);
    const id = await request(client, { service: "poll", path: place.path });
    expect(await client.ended(id, 30_000)).toMatchObject({ attempt: 1, result: { body: "done" } });
    expect([monitor.calls.length, place.calls.length]).toEqual([3, 1]);
  });

  test("a poll's 4xx is final", async ({ client, upstream }) => {
    const monitor = upstream.open([{ status: 410, ...json({ why: "gone" }) }]);
    const place = upstream.open([{ status: 202, headers: { location: monitor.path } }]);
    const id = await request(client, { service: "poll", path: place.path });
    expect(await client.ended(id)).toMatchObject({
      status: "failed",
      error: { code: "upstream-status", message: "The service answered 410." },
      result: { status: 410, body: { why: "gone" } },
    });
  });

  for (const [what, headers, code] of [
    ["no Location", {}, "poll-location-missing"],
    ["one elsewhere", { location: "http://attacker.example/v1/x" }, "poll-location-refused"],
    ["one that is no address", { location: "http://[" }, "poll-location-refused"],
  ] as const) {
    test(`${what}: ${code}, and nothing is sent there`, async ({ client, upstream }) => {
      const place = upstream.open([{ status: 202, headers }]);
      const id = await request(client, { service: "poll", path: place.path });
      expect(await client.ended(id)).toMatchObject({ status: "failed", error: { code, retryable: false } });
      expect(place.calls).toHaveLength(1);
    });
  }

  test("a cancel ends the asking", async ({ client, upstream }) => {
    const monitor = upstream.open([{ status: 202 }]);
    const place = upstream.open([{ status: 202, headers: { location: monitor.path } }]);
    const id = await request(client, { service: "poll", path: place.path });
    await monitor.wait(2);
    expect((await client.send("POST", `/v1/tasks/${id}/cancel`)).status).toBe(200);
    await sleep(1_500);
    const asked = monitor.calls.length;
    await sleep(2_500);
    expect(monitor.calls).toHaveLength(asked);
  });

  test("the deadline ends it, however long the service says that it works", async ({
    client,
    upstream,
    stack,
  }) => {
    const monitor = upstream.open([json({ status: "working" })]);
    const place = upstream.open([{ status: 202, headers: { location: monitor.path } }]);
    const id = await request(client, { service: "poll", path: place.path }, { deadline: "4s" });
    await monitor.wait(1);
    await eventually(async () => {
      await sweepNow(stack);
      const error = { code: "deadline-exceeded" };
      expect(await client.task(id)).toMatchObject({ status: "expired", error });
    });
  });
});
