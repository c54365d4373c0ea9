import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { eventually } from "../support/client.ts";
import { sweeping as test } from "../support/fixture.ts";
import { verified } from "../support/receiver.ts";
import { handOn, reached, replicateWebhook, reportAll, sweepNow } from "../support/waiting.ts";

describe("complete", () => {
  test("ends a waiting task; told twice it is answered 200 and changes nothing", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open();
    const { id, bearer } = await handOn(client, receiver, { callbackUrl: inbox.url });
    const before = await reached(client, id, "waiting");
    expect(before.done).toBe(false);
    const first = await bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: { frames: 7 } } });
    expect([first.status, first.json()]).toEqual([200, { status: "succeeded", done: true }]);
    const again = await bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: "other" } });
    expect([again.status, again.json()]).toEqual([200, { status: "succeeded", done: true }]);
    const task = await client.task(id);
    expect(task).toMatchObject({ status: "succeeded", result: { frames: 7 }, sequence: before.sequence + 1 });
    const [callback] = await inbox.wait(1);
    expect(verified(callback, secret)).toMatchObject({
      type: "task.succeeded",
      data: { result: { frames: 7 } },
    });
    expect((await client.settled(id)).status).toBe("delivered");
    const timeline = await client.timeline(id);
    expect(timeline.map(({ type, actor }) => `${type} ${actor}`)).toEqual([
      "task.created client",
      "task.started worker",
      "task.waiting worker",
      "task.succeeded service",
    ]);
  });

  test("may be faster than the handler: while it is running; what the handler brings later changes nothing", async ({
    client,
    receiver,
  }) => {
    const { id, bearer } = await handOn(client, receiver, { input: { holdMs: 2_000 } });
    expect((await client.task(id)).status).toBe("running");
    const reply = await bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: 1 } });
    expect(reply.status).toBe(200);
    await sleep(2_500);
    expect(await client.task(id)).toMatchObject({ status: "succeeded", result: 1, sequence: 3 });
    expect((await client.timeline(id)).map(({ type }) => type)).not.toContain("task.waiting");
  });

  test("without a result: 204", async ({ client, receiver }) => {
    const { id, bearer } = await handOn(client, receiver);
    expect((await bearer.send("POST", `/v1/tasks/${id}/complete`, { body: {} })).status).toBe(200);
    expect((await client.send("GET", `/v1/tasks/${id}/result`)).status).toBe(204);
  });

  test("with a body that does not fit is refused, and the task waits on", async ({ client, receiver }) => {
    const { id, bearer } = await handOn(client, receiver);
    await reached(client, id, "waiting");
    const wrong = { body: { results: 1 } };
    expect((await bearer.send("POST", `/v1/tasks/${id}/complete`, wrong)).problem().code).toBe(
      "invalid-request",
    );
    const fail = { body: { code: "Not Kebab", message: "x" } };
    expect((await bearer.send("POST", `/v1/tasks/${id}/fail`, fail)).problem().code).toBe("invalid-request");
    const progress = { body: { percent: 101 } };
    expect((await bearer.send("POST", `/v1/tasks/${id}/progress`, progress)).problem().code).toBe(
      "invalid-request",
    );
    expect((await client.task(id)).status).toBe("waiting");
  });
});

describe("fail", () => {
  const again = { body: { code: "out-of-memory", message: "The GPU is full." } };

  test("is a failed attempt: the next one has a token of its own, the older is refused with 409", async ({
    client,
    receiver,
  }) => {
    const { id, bearer, completionUrl, next } = await handOn(client, receiver);
    await reached(client, id, "waiting");
    const first = await bearer.send("POST", `/v1/tasks/${id}/fail`, again);
    expect([first.status, first.json()]).toEqual([200, { status: "queued", done: false }]);
    const twice = await bearer.send("POST", `/v1/tasks/${id}/fail`, again);
    expect(twice.status).toBe(200);
    expect(await client.task(id)).toMatchObject({
      attempt: 1,
      error: { code: "out-of-memory", retryable: true },
    });
    const second = await next();
    for (const [name, reply] of Object.entries(await reportAll(bearer, id))) {
      expect(reply.problem(), name).toMatchObject({ status: 409, code: "task-token-stale" });
    }
    const url = await fetch(completionUrl, { method: "POST", body: '"old"' });
    expect([url.status, await url.json()]).toEqual([200, { accepted: false }]);
    expect(
      (await second.bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: 2 } })).status,
    ).toBe(200);
    expect(await client.task(id)).toMatchObject({ status: "succeeded", attempt: 2, result: 2 });
  });

  test("with retryable: false ends the task, and then it cannot be completed", async ({
    client,
    receiver,
  }) => {
    const { id, bearer } = await handOn(client, receiver);
    const body = { code: "bad-input", message: "Not a video.", retryable: false };
    const reply = await bearer.send("POST", `/v1/tasks/${id}/fail`, { body });
    expect([reply.status, reply.json()]).toEqual([200, { status: "failed", done: true }]);
    expect((await bearer.send("POST", `/v1/tasks/${id}/fail`, { body })).status).toBe(200);
    expect(await client.task(id)).toMatchObject({ status: "failed", attempt: 1, error: body });
    const contrary = await bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: 1 } });
    expect(contrary.problem()).toMatchObject({ status: 409, code: "task-already-ended" });
    expect(contrary.problem().detail).toContain("failed");
  });

  test("uses the budget of attempts up", async ({ client, receiver }) => {
    const { id, bearer } = await handOn(client, receiver, { retries: 0 });
    await bearer.send("POST", `/v1/tasks/${id}/fail`, again);
    expect(await client.ended(id)).toMatchObject({ status: "failed", error: { code: "out-of-memory" } });
  });
});

describe("after the end", () => {
  test("a cancel: calls by token answer 410, the completion URL 200, nothing is changed", async ({
    client,
    receiver,
  }) => {
    const { id, bearer, completionUrl } = await handOn(client, receiver);
    await reached(client, id, "waiting");
    expect((await client.send("POST", `/v1/tasks/${id}/cancel`)).status).toBe(200);
    const before = await client.task(id);
    for (const [name, reply] of Object.entries(await reportAll(bearer, id))) {
      expect(reply.problem(), name).toMatchObject({ status: 410, code: "task-over", cancelRequested: true });
    }
    expect(await replicateWebhook(completionUrl, { status: "succeeded" })).toEqual([200]);
    expect(await client.task(id)).toEqual(before);
  });

  test("the deadline: calls by token answer 410, the completion URL 200, and the task expires", async ({
    client,
    receiver,
    stack,
  }) => {
    const { id, bearer, completionUrl } = await handOn(client, receiver, { deadline: "3s" });
    await reached(client, id, "waiting");
    await sleep(3_200);
    for (const [name, reply] of Object.entries(await reportAll(bearer, id))) {
      expect(reply.problem(), name).toMatchObject({ status: 410, code: "task-over" });
    }
    expect(await replicateWebhook(completionUrl, {})).toEqual([200]);
    await sweepNow(stack);
    expect(await client.ended(id)).toMatchObject({ status: "expired", error: { code: "deadline-exceeded" } });
  });

  test("a waiting task whose deadline passes expires by itself", async ({
    client,
    receiver,
    stack,
    secret,
  }) => {
    const inbox = receiver.open();
    const { id } = await handOn(client, receiver, { deadline: "3s", callbackUrl: inbox.url });
    await sleep(3_200);
    await eventually(async () => {
      await sweepNow(stack);
      expect((await client.task(id)).status).toBe("expired");
    });
    expect(verified((await inbox.wait(1))[0], secret).type).toBe("task.expired");
  });

  test("a replay: the token of the earlier run is refused with 409", async ({ client, receiver }) => {
    const { id, bearer, completionUrl, next } = await handOn(client, receiver);
    await bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: 1 } });
    expect((await client.send("POST", `/v1/tasks/${id}/replay`)).status).toBe(202);
    const second = await next();
    for (const [name, reply] of Object.entries(await reportAll(bearer, id))) {
      expect(reply.problem(), name).toMatchObject({ status: 409, code: "task-token-stale" });
    }
    expect(await replicateWebhook(completionUrl, 3)).toEqual([200]);
    expect((await client.task(id)).done).toBe(false);
    expect(await replicateWebhook(second.completionUrl, 2)).toEqual([200]);
    expect(await client.task(id)).toMatchObject({ status: "succeeded", run: 2, result: 2 });
  });
});
