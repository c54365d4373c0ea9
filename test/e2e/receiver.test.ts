import { describe, expect } from "vitest";
import { verifyCallback } from "../../src/receiver/index.ts";
import { test, verifiedEndpoint } from "../support/endpoints.ts";
import type { Received } from "../support/receiver.ts";
import { secrets } from "../support/signatures.ts";

/** The request as a server with Web APIs is given it. */
function requestOf(callback: Received | undefined): Request {
  if (!callback) throw new Error("no callback has come");
  const { headers, body } = callback;
  return new Request("https://client.example/hooks", { method: "POST", headers: new Headers(headers), body });
}

describe("verifyCallback takes what the gateway sends", () => {
  test("in each format, as one event", async ({ own, receiver }) => {
    const events = ["task.succeeded"];
    const [full, thin, cloud] = [
      await verifiedEndpoint(own, receiver, { events }),
      await verifiedEndpoint(own, receiver, { events, format: "thin" }),
      await verifiedEndpoint(own, receiver, { events, format: "cloudevents" }),
    ];
    const { id } = await own.submit({ type: "diagnostics.echo", input: { n: "\u00fc" } });
    const taken = await Promise.all(
      [full, thin, cloud].map(async ({ inbox, secret }) => {
        const [callback] = await inbox.wait(1);
        return verifyCallback(requestOf(callback), secret);
      }),
    );
    const [whole, small, wrapped] = taken;
    expect(whole).toMatchObject({
      type: "task.succeeded",
      data: { id, status: "succeeded", result: { n: "\u00fc" } },
    });
    expect(wrapped).toEqual(whole);
    expect(small).toMatchObject({ id: whole?.id, type: whole?.type, data: { id, run: 1, done: true } });
    await expect(verifyCallback(requestOf((await full.inbox.wait(1))[0]), thin.secret)).rejects.toMatchObject(
      {
        code: "bad-signature",
      },
    );
  });

  test("while a secret rotates, by the old one and by the new one", async ({ own, receiver }) => {
    const before = secrets.parse((await own.send("GET", "/v1/signing-secret")).json());
    const after = secrets.parse((await own.send("POST", "/v1/signing-secret/rotate")).json());
    const inbox = receiver.open();
    await own.submit({ type: "diagnostics.echo", input: 1, callbackUrl: inbox.url });
    const [callback] = await inbox.wait(1);
    for (const { secret } of [before, after]) {
      expect((await verifyCallback(requestOf(callback), secret)).type).toBe("task.succeeded");
    }
  });

  test("by the project's public keys, at their address and as text", async ({ own, receiver }) => {
    const asked = await own.send("PATCH", "/v1/signing-secret", { body: { signatures: ["v1", "v1a"] } });
    const { jwks, publicKey } = secrets.parse(asked.json());
    if (jwks === undefined || publicKey === undefined) throw new Error("no key pair was made");
    const inbox = receiver.open();
    await own.submit({ type: "diagnostics.echo", input: 1, callbackUrl: inbox.url });
    const [callback] = await inbox.wait(1);
    for (const publicKeys of [jwks, publicKey]) {
      expect((await verifyCallback(requestOf(callback), [], { publicKeys })).type).toBe("task.succeeded");
    }
  });
});
