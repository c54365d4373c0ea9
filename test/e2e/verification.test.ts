import { setTimeout as sleep } from "node:timers/promises";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { describe, expect } from "vitest";
import { echoing, patch, register, test, verifiedEndpoint } from "../support/endpoints.ts";

const ECHO = { type: "diagnostics.echo", input: "x" };

describe("verifying", () => {
  test("a signed challenge is sent, and must be repeated; nothing else is sent before", async ({
    own,
    receiver,
  }) => {
    const script = [{ status: 200, body: "ok" }, { status: 500 }];
    const inbox = receiver.open((request, index) => script[index] ?? echoing()(request, index));
    const { id, secret = "" } = await register(own, { url: inbox.url, events: ["task.succeeded"] });
    const path = `/v1/endpoints/${id}/verify`;
    const before = await own.submit(ECHO);
    await own.ended(before.id);
    expect((await own.send("POST", `/v1/endpoints/${id}/test`)).problem().code).toBe("endpoint-closed");
    for (const word of ["does not repeat the challenge", "answered 500"]) {
      const refused = (await own.send("POST", path)).problem();
      expect(refused).toMatchObject({ status: 422, code: "verification-failed" });
      expect(refused.detail).toContain(word);
    }
    expect((await own.send("GET", `/v1/endpoints/${id}`)).json()).toMatchObject({ verified: false });
    const passed = await own.send("POST", path);
    expect(passed.json()).toMatchObject({ id, verified: true });
    expect(inbox.received).toHaveLength(3);
    for (const { body, headers } of inbox.received) {
      expect(JSON.parse(body)).toMatchObject({
        type: "endpoint.verification",
        data: { endpointId: id, challenge: expect.any(String) },
      });
      expect(headers["webhook-id"]).toMatch(/^evt_/);
    }
    const [first] = inbox.received;
    expect(new StandardWebhook(secret).verify(first?.body ?? "", first?.headers ?? {})).toBeTruthy();
    const kept = await own.settled(before.id);
    expect(kept).toMatchObject({
      status: "dead",
      endpointId: id,
      attempts: [{ error: { code: "endpoint-disabled", message: expect.stringContaining("verified") } }],
    });
  });

  test("the challenge may be repeated as plain text", async ({ own, receiver }) => {
    const inbox = receiver.open(({ body }) => ({
      body: (JSON.parse(body) as { data: { challenge: string } }).data.challenge,
    }));
    const { id } = await register(own, { url: inbox.url });
    expect((await own.send("POST", `/v1/endpoints/${id}/verify`)).status).toBe(200);
  });

  test("another address has to be verified anew", async ({ own, receiver }) => {
    const { id, inbox } = await verifiedEndpoint(own, receiver);
    expect(await patch(own, id, { url: inbox.url })).toMatchObject({ verified: true });
    expect(await patch(own, id, { url: receiver.open().url })).toMatchObject({ verified: false });
  });

  test("one Idempotency-Key verifies once", async ({ own, receiver }) => {
    const inbox = receiver.open(echoing());
    const { id } = await register(own, { url: inbox.url });
    const headers = { "idempotency-key": "v-1" };
    await own.send("POST", `/v1/endpoints/${id}/verify`, { headers });
    const again = await own.send("POST", `/v1/endpoints/${id}/verify`, { headers });
    expect(again.json()).toMatchObject({ id, verified: true });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(inbox.received).toHaveLength(1);
  });

  test("by the CloudEvents handshake: consent is in the headers, whatever the status", async ({
    own,
    receiver,
  }) => {
    const { hostname } = new URL(own.url);
    const script = [
      { status: 200 },
      { status: 200, headers: { "webhook-allowed-origin": "other.example" } },
      { status: 405, headers: { "webhook-allowed-origin": hostname, "webhook-allowed-rate": "120" } },
    ];
    const inbox = receiver.open(script);
    const { id } = await register(own, { url: inbox.url, rateLimit: 5 });
    const verify = () =>
      own.send("POST", `/v1/endpoints/${id}/verify`, { body: { verification: "cloudevents" } });
    expect((await verify()).problem().code).toBe("verification-failed");
    expect((await verify()).problem().code).toBe("verification-failed");
    expect((await verify()).json()).toMatchObject({ verified: true, allowedRate: 120 });
    for (const { method, headers, body } of inbox.received) {
      expect(method).toBe("OPTIONS");
      expect(headers).toMatchObject({ "webhook-request-origin": hostname, "webhook-request-rate": "300" });
      expect(body).toBe("");
    }
  });

  test("a test event is sent once, and how it went is told", async ({ own, receiver }) => {
    const { id, inbox, secret } = await verifiedEndpoint(own, receiver, { headers: { "x-shop": "7" } }, [
      { status: 200, body: "thanks" },
      { status: 503 },
    ]);
    const good = await own.send("POST", `/v1/endpoints/${id}/test`);
    expect(good.json()).toMatchObject({ delivered: true, attempt: { statusCode: 200, response: "thanks" } });
    const bad = await own.send("POST", `/v1/endpoints/${id}/test`);
    expect(bad.json()).toMatchObject({ delivered: false, attempt: { error: { code: "http-5xx" } } });
    const [sent] = await inbox.wait(2);
    expect(sent?.headers["x-shop"]).toBe("7");
    new SvixWebhook(secret).verify(sent?.body ?? "", sent?.headers ?? {});
    expect(JSON.parse(sent?.body ?? "")).toMatchObject({ type: "endpoint.test", data: { endpointId: id } });
    await sleep(1_500);
    expect(inbox.received).toHaveLength(2);
  });
});
