import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { eventually } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { verified } from "../support/receiver.ts";
import { handOn } from "../support/waiting.ts";

describe("POST /v1/tasks/{id}/replay", () => {
  test("a new run of the same task, with events of its own; the timeline keeps both", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open();
    const metadata = { orderId: "o-1" };
    const submitted = await client.submit({
      type: "diagnostics.echo",
      input: { n: 7 },
      metadata,
      callbackUrl: inbox.url,
    });
    const { id } = submitted;
    await client.ended(id);
    await client.settled(id);
    const reply = await client.send("POST", `/v1/tasks/${id}/replay`);
    expect(reply.status).toBe(202);
    expect(reply.json()).toMatchObject({ id, status: "queued", done: false, run: 2, attempt: 0, metadata });
    expect(reply.json()).not.toHaveProperty("result");
    expect(reply.headers.get("location")).toBe(`${client.url}/v1/tasks/${id}`);
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    await inbox.wait(2);
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", run: 2, result: { n: 7 } });
    const [first, second] = inbox.received.map((received) => verified(received, secret));
    expect([first?.data.run, second?.data.run]).toEqual([1, 2]);
    expect(second?.data.sequence).toBeGreaterThan(first?.data.sequence ?? 0);
    expect(inbox.received[0]?.headers["webhook-id"]).not.toBe(inbox.received[1]?.headers["webhook-id"]);
    expect((await client.timeline(id)).map(({ run, type }) => `${run} ${type}`)).toEqual([
      "1 task.created",
      "1 task.started",
      "1 task.succeeded",
      "2 task.replayed",
      "2 task.started",
      "2 task.succeeded",
    ]);
    expect(await client.deliveries(id)).toHaveLength(2);
  });

  test("a delivery that is still on its way keeps its frozen body and its event id", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open((received) =>
      JSON.parse(received.body).data.run === 1 && inbox.received.length < 3
        ? { status: 500 }
        : { status: 200 },
    );
    const { id } = await client.submit({ type: "diagnostics.echo", input: "same", callbackUrl: inbox.url });
    await inbox.wait(1);
    await client.ended(id);
    expect((await client.send("POST", `/v1/tasks/${id}/replay`)).status).toBe(202);
    await eventually(async () => {
      const states = (await client.deliveries(id)).map(({ status }) => status);
      expect(states).toEqual(["delivered", "delivered"]);
    });
    const ofRun = (run: number) =>
      inbox.received.filter((received) => verified(received, secret).data.run === run);
    expect(ofRun(1).length).toBeGreaterThanOrEqual(2);
    expect(new Set(ofRun(1).map(({ body }) => body)).size).toBe(1);
    expect(new Set(ofRun(1).map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(ofRun(2)).toHaveLength(1);
  });

  test("a failed task, with its whole budget of attempts and a deadline of its own", async ({
    client,
    receiver,
  }) => {
    const { id, bearer, next } = await handOn(client, receiver, { retries: 0, deadline: "1h" });
    const failure = { code: "no-luck", message: "Not this time.", retryable: true };
    await bearer.send("POST", `/v1/tasks/${id}/fail`, { body: failure });
    const before = await client.ended(id);
    expect(before).toMatchObject({ status: "failed", error: failure });
    const reply = await client.send("POST", `/v1/tasks/${id}/replay`);
    expect(reply.json()).not.toHaveProperty("error");
    const second = await next();
    await second.bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: "now" } });
    const after = await client.task(id);
    expect(after).toMatchObject({ status: "succeeded", run: 2, attempt: 1, result: "now" });
    expect(Date.parse(after.deadlineAt)).toBeGreaterThan(Date.parse(before.deadlineAt));
  });

  test("a task that has not ended: 409 task-not-ended", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    for (const [method, path] of [
      ["POST", `/v1/tasks/${id}/replay`],
      ["DELETE", `/v1/tasks/${id}`],
    ] as const) {
      expect((await client.send(method, path)).problem()).toMatchObject({
        status: 409,
        code: "task-not-ended",
      });
    }
    expect((await client.task(id)).status).toBe("scheduled");
  });

  test("a task whose input is no longer kept: 410 input-expired", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, resultTtl: "1s" });
    await client.ended(id);
    await sleep(1_200);
    const reply = await client.send("POST", `/v1/tasks/${id}/replay`);
    expect(reply.problem()).toMatchObject({ status: 410, code: "input-expired" });
  });

  test("one Idempotency-Key begins one run, however often it is sent", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1 });
    await client.ended(id);
    const headers = { "idempotency-key": crypto.randomUUID() };
    const replies = await Promise.all(
      Array.from({ length: 5 }, () => client.send("POST", `/v1/tasks/${id}/replay`, { headers })),
    );
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    const first = replies.filter((reply) => reply.headers.get("idempotent-replayed") === null);
    expect(first).toHaveLength(1);
    await client.ended(id);
    const late = await client.send("POST", `/v1/tasks/${id}/replay`, { headers });
    expect([late.status, late.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
    expect((await client.task(id)).run).toBe(2);
  });
});

describe("DELETE /v1/tasks/{id}", () => {
  test("204, and from then on nothing about it is found or listed", async ({ client, receiver }) => {
    const inbox = receiver.open([{ status: 500 }]);
    const { id } = await client.submit({
      type: "diagnostics.echo",
      input: "secret",
      callbackUrl: inbox.url,
      metadata: { orderId: "erased" },
    });
    await client.ended(id);
    await inbox.wait(1);
    const [delivery] = await client.deliveries(id);
    const reply = await client.send("DELETE", `/v1/tasks/${id}`);
    expect([reply.status, reply.text]).toEqual([204, ""]);
    const sent = inbox.received.length;
    for (const [method, path] of [
      ["GET", `/v1/tasks/${id}`],
      ["GET", `/v1/tasks/${id}/result`],
      ["GET", `/v1/tasks/${id}/events`],
      ["GET", `/v1/deliveries/${delivery?.id}`],
      ["GET", `/v1/deliveries?taskId=${id}`],
      ["POST", `/v1/deliveries/${delivery?.id}/redeliver`],
      ["POST", `/v1/tasks/${id}/cancel`],
      ["POST", `/v1/tasks/${id}/replay`],
      ["DELETE", `/v1/tasks/${id}`],
    ] as const) {
      expect((await client.send(method, path)).problem(), path).toMatchObject({ status: 404 });
    }
    const list = await client.send("GET", "/v1/tasks?limit=100");
    expect(list.status).toBe(200);
    expect(list.text).not.toContain(id);
    await sleep(3_000);
    expect(inbox.received.length - sent).toBeLessThanOrEqual(1);
  });

  test("its Idempotency-Key makes no other one: a submit that was sent twice may still be on its way", async ({
    client,
  }) => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const body = { type: "diagnostics.echo", input: 1 };
    const first = await client.submit(body, headers);
    await client.ended(first.id);
    expect((await client.send("DELETE", `/v1/tasks/${first.id}`)).status).toBe(204);
    const late = await client.send("POST", "/v1/tasks", { body, headers });
    expect(late.problem()).toMatchObject({
      status: 422,
      code: "idempotency-key-reused",
      detail: `This Idempotency-Key made ${first.id}, which was erased.`,
    });
  });

  test("a token of an erased task finds nothing; its completion URL is still answered 200", async ({
    client,
    receiver,
  }) => {
    const { id, bearer, completionUrl } = await handOn(client, receiver);
    await bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: 1 } });
    expect((await client.send("DELETE", `/v1/tasks/${id}`)).status).toBe(204);
    for (const path of ["heartbeat", "complete"]) {
      const reply = await bearer.send("POST", `/v1/tasks/${id}/${path}`, { body: {} });
      expect(reply.problem()).toMatchObject({ status: 404, code: "not-found" });
    }
    const late = await fetch(completionUrl, { method: "POST", body: "{}" });
    expect([late.status, await late.json()]).toEqual([200, { accepted: false }]);
  });
});
