import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import type { Client } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { freePort } from "../support/process.ts";
import { type Answer, type Inbox, type Receiver, verified } from "../support/receiver.ts";

// The stack's schedule is 1s,1s,1s and its callback timeout 2s.

async function submitTo(
  client: Client,
  receiver: Receiver,
  script: readonly Answer[],
): Promise<{ id: string; inbox: Inbox }> {
  const inbox = receiver.open(script);
  const { id } = await client.submit({ type: "diagnostics.echo", input: "x", callbackUrl: inbox.url });
  return { id, inbox };
}

describe("a receiver that fails at first", () => {
  test("answers 500 twice, then 200: the same event, signed anew each time, every attempt on record", async ({
    client,
    receiver,
    secret,
  }) => {
    const { id, inbox } = await submitTo(client, receiver, [
      { status: 500, body: "first" },
      { status: 503, body: "second ".repeat(2_000) },
      { status: 200, body: "thanks", delayMs: 300 },
    ]);
    const received = await inbox.wait(3, 20_000);
    for (const callback of received) expect(verified(callback, secret).data.id).toBe(id);
    expect(new Set(received.map((one) => one.headers["webhook-id"])).size).toBe(1);
    expect(new Set(received.map((one) => one.body)).size).toBe(1);
    expect(new Set(received.map((one) => one.headers["webhook-timestamp"])).size).toBeGreaterThan(1);

    const delivery = await client.settled(id);
    expect(delivery).toMatchObject({
      status: "delivered",
      attempts: [
        { statusCode: 500, error: { code: "http-5xx" }, response: "first" },
        { statusCode: 503, error: { code: "http-5xx" } },
        { statusCode: 200, response: "thanks" },
      ],
    });
    const [first, second, third] = delivery.attempts;
    expect(second?.response?.length).toBe(4_096);
    expect(third?.error).toBeUndefined();
    expect(third?.durationMs).toBeGreaterThanOrEqual(295);
    expect(Date.parse(second?.at ?? "") - Date.parse(first?.at ?? "")).toBeGreaterThanOrEqual(700);
    await sleep(1_500);
    expect(inbox.received).toHaveLength(3);
  });

  test("asks for time with Retry-After and gets it", async ({ client, receiver }) => {
    const { inbox } = await submitTo(client, receiver, [
      { status: 429, headers: { "retry-after": "4" } },
      { status: 204 },
    ]);
    const [first, second] = await inbox.wait(2, 20_000);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(3_000);
  });
});

describe("a receiver that is gone for good", () => {
  test("the delivery is dead when its schedule is used up, and redelivery sends the same event again", async ({
    client,
    receiver,
    secret,
  }) => {
    const dead: Answer = { status: 500 };
    const { id, inbox } = await submitTo(client, receiver, [dead, dead, dead, dead, { status: 200 }]);
    const delivery = await client.settled(id, 30_000);
    expect(delivery.status).toBe("dead");
    expect(delivery.attempts).toHaveLength(4);
    expect(delivery.nextAttemptAt).toBeUndefined();
    expect(await client.task(id)).toMatchObject({
      status: "succeeded",
      callback: { status: "dead", attempts: 4, lastError: { code: "http-5xx" } },
    });
    await sleep(2_000);
    expect(inbox.received).toHaveLength(4);

    const again = await client.send("POST", `/v1/deliveries/${delivery.id}/redeliver`);
    expect(again.status).toBe(202);
    const received = await inbox.wait(5);
    const [first] = received;
    expect(received[4]?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
    expect(received[4]?.body).toBe(first?.body);
    expect(verified(received[4], secret).data.id).toBe(id);
    const delivered = await client.settled(id);
    expect(delivered).toMatchObject({ id: delivery.id, status: "delivered" });
    expect(delivered.attempts).toHaveLength(5);
  });

  test("a redelivery has the whole schedule before it again", async ({ client, receiver }) => {
    const { id, inbox } = await submitTo(client, receiver, [
      ...Array.from({ length: 6 }, () => ({ status: 500 })),
      { status: 200 },
    ]);
    const { id: deliveryId } = await client.settled(id, 30_000);
    await client.send("POST", `/v1/deliveries/${deliveryId}/redeliver`);
    await inbox.wait(7, 20_000);
    expect(await client.settled(id)).toMatchObject({ status: "delivered" });
  });

  test("a delivery on its way cannot be sent again", async ({ client, receiver }) => {
    const { id } = await submitTo(client, receiver, [{ status: 429, headers: { "retry-after": "60" } }]);
    await client.ended(id);
    const [delivery] = await client.deliveries(id);
    expect(delivery?.status).toBe("pending");
    const reply = await client.send("POST", `/v1/deliveries/${delivery?.id}/redeliver`);
    expect(reply.problem()).toMatchObject({ status: 409, code: "delivery-pending" });
  });
});

describe("why an attempt failed is told by a stable code", () => {
  const cases: readonly [code: string, answer: Answer, statusCode: number | undefined][] = [
    ["http-4xx", { status: 404 }, 404],
    ["http-5xx", { status: 502 }, 502],
    ["redirect", { status: 302, headers: { location: "https://www.example.com/" } }, 302],
    ["timeout", { hang: true }, undefined],
  ];
  for (const [code, answer, statusCode] of cases) {
    test(code, async ({ client, receiver }) => {
      const { id } = await submitTo(client, receiver, [answer, { status: 200 }]);
      const delivery = await client.settled(id, 30_000);
      expect(delivery.status).toBe("delivered");
      expect(delivery.attempts[0]?.error?.code).toBe(code);
      expect(delivery.attempts[0]?.statusCode).toBe(statusCode);
    });
  }

  test("connect-failed", async ({ client }) => {
    const refused = await freePort();
    const callbackUrl = `http://127.0.0.1:${refused}/`;
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl });
    const delivery = await client.settled(id, 30_000);
    expect(delivery).toMatchObject({
      status: "dead",
      attempts: Array(4).fill({ error: { code: "connect-failed" } }),
    });
  });

  test("a redirect is never followed", async ({ client, receiver }) => {
    const target = receiver.open();
    const { id, inbox } = await submitTo(client, receiver, [
      { status: 307, headers: { location: target.url } },
      { status: 301, headers: { location: target.url } },
      { status: 200 },
    ]);
    await inbox.wait(3, 20_000);
    expect(await client.settled(id)).toMatchObject({ status: "delivered" });
    expect(target.received).toHaveLength(0);
  });
});

describe("GET /v1/deliveries", () => {
  test("walks all of a project's deliveries page by page, and filters by status", async ({
    client,
    receiver,
  }) => {
    const tasks = await Promise.all([1, 2, 3].map(() => submitTo(client, receiver, [])));
    for (const { id } of tasks) await client.settled(id);
    const [wanted] = tasks;
    const reply = await client.send("GET", `/v1/deliveries?taskId=${wanted?.id}&status=delivered`);
    expect(reply.json()).toMatchObject({ data: [{ taskId: wanted?.id, status: "delivered" }] });
    const none = await client.send("GET", `/v1/deliveries?taskId=${wanted?.id}&status=dead`);
    expect(none.json()).toMatchObject({ data: [] });
  });

  test("what does not exist is 404", async ({ client }) => {
    for (const [method, path] of [
      ["GET", "/v1/deliveries/del_01jdn1k2m3e4f5g6h7j8k9m0n1"],
      ["GET", "/v1/deliveries/nonsense"],
      ["POST", "/v1/deliveries/del_01jdn1k2m3e4f5g6h7j8k9m0n1/redeliver"],
    ] as const) {
      expect((await client.send(method, path)).problem()).toMatchObject({ status: 404, code: "not-found" });
    }
  });
});
