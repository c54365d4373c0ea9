import { setTimeout as sleep } from "node:timers/promises";
import { calculateJwkThumbprint } from "jose";
import { describe, expect } from "vitest";
import { type Client, newProject } from "../support/client.ts";
import { test, verifiedEndpoint } from "../support/endpoints.ts";
import { type Receiver, verified } from "../support/receiver.ts";
import { publicKeys, type Secrets, secrets, signaturesOf, signedBy } from "../support/signatures.ts";

async function read(client: Client, path = "/v1/signing-secret"): Promise<Secrets> {
  const reply = await client.send("GET", path);
  if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.text}`);
  return secrets.parse(reply.json());
}

async function called(client: Client, receiver: Receiver) {
  const inbox = receiver.open();
  await client.submit({ type: "diagnostics.echo", input: "x", callbackUrl: inbox.url });
  const [callback] = await inbox.wait(1);
  return callback;
}

describe("rotating the project's signing secret", () => {
  test("the old one signs along while the overlap lasts, and both verify", async ({ own, receiver }) => {
    const before = await read(own);
    expect(before).toMatchObject({ previous: [], signatures: ["v1"] });
    const reply = await own.send("POST", "/v1/signing-secret/rotate", { body: { overlap: "1h" } });
    const after = secrets.parse(reply.json());
    expect(after).toEqual(await read(own));
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(after.secret).not.toBe(before.secret);
    expect(after.previous.map(({ secret }) => secret)).toEqual([before.secret]);
    const left = Date.parse(after.previous[0]?.expiresAt ?? "") - Date.now();
    expect(left).toBeGreaterThan(3_590_000);
    expect(left).toBeLessThan(3_610_000);
    const callback = await called(own, receiver);
    expect(signaturesOf(callback, "v1")).toHaveLength(2);
    for (const { secret } of [after, before]) expect(verified(callback, secret).type).toBe("task.succeeded");
  });

  test("24 h unless it is chosen; 0 ends the old one at once; more than 7 d is refused", async ({
    own,
    receiver,
  }) => {
    const { secret: first } = await read(own);
    await own.send("POST", "/v1/signing-secret/rotate");
    const { previous } = await read(own);
    expect(Date.parse(previous[0]?.expiresAt ?? "") - Date.now()).toBeGreaterThan(86_000_000);
    await own.send("POST", "/v1/signing-secret/rotate", { body: { overlap: "0s" } });
    expect((await read(own)).previous).toEqual([]);
    const callback = await called(own, receiver);
    expect(signaturesOf(callback, "v1")).toHaveLength(1);
    expect(() => verified(callback, first)).toThrow();
    const refused = await own.send("POST", "/v1/signing-secret/rotate", { body: { overlap: "8d" } });
    expect(refused.problem()).toMatchObject({ status: 422, code: "invalid-request" });
  });

  test("a later rotation shortens no overlap that an earlier one promised, of the project or an endpoint", async ({
    own,
    receiver,
  }) => {
    const one = await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] });
    for (const [path, rotate] of [
      ["/v1/signing-secret", "/v1/signing-secret/rotate"],
      [`/v1/endpoints/${one.id}/secret`, `/v1/endpoints/${one.id}/rotate-secret`],
    ] as const) {
      const first = await read(own, path);
      await own.send("POST", rotate, { body: { overlap: "2d" } });
      const { previous: promised, secret: second } = await read(own, path);
      expect(promised.map(({ secret }) => secret)).toEqual([first.secret]);
      await own.send("POST", rotate, { body: { overlap: "1h" } });
      const after = await read(own, path);
      expect(after.previous.map(({ secret }) => secret)).toEqual([second, first.secret]);
      expect(after.previous[1]).toEqual(promised[0]);
      await own.send("POST", rotate, { body: { overlap: "1s" } });
      await sleep(1_200);
      expect((await read(own, path)).previous).toEqual(after.previous);
    }
  });

  test("an eleventh is refused rather than that one ends before its time; 0s ends all but the new one", async ({
    own,
  }) => {
    const rotate = (overlap: string) => own.send("POST", "/v1/signing-secret/rotate", { body: { overlap } });
    for (let n = 0; n < 9; n++) expect((await rotate("7d")).status).toBe(200);
    const full = await read(own);
    expect(full.previous).toHaveLength(9);
    expect((await rotate("1h")).problem()).toMatchObject({ status: 409, code: "too-many-secrets" });
    expect(await read(own)).toEqual(full);
    expect((await rotate("0s")).status).toBe(200);
    expect((await read(own)).previous).toEqual([]);
  });

  test("an overlap ends by itself", async ({ own, receiver }) => {
    await own.send("POST", "/v1/signing-secret/rotate", { body: { overlap: "1s" } });
    await sleep(1_200);
    expect((await read(own)).previous).toEqual([]);
    expect(signaturesOf(await called(own, receiver), "v1")).toHaveLength(1);
  });

  test("one Idempotency-Key rotates once", async ({ own }) => {
    const headers = { "idempotency-key": "r-1" };
    const first = await own.send("POST", "/v1/signing-secret/rotate", { headers });
    const again = await own.send("POST", "/v1/signing-secret/rotate", { headers });
    expect(again.json()).toEqual(first.json());
    expect(again.headers.get("idempotent-replayed")).toBe("true");
  });

  test("a key that may not read secrets rotates unseen", async ({ stack }) => {
    const name = `secrets-${crypto.randomUUID()}`;
    const reader = await newProject(stack.gateway, name, ["secrets:read"]);
    const writer = await newProject(stack.gateway, name, ["secrets:write"]);
    const { secret } = await read(reader);
    const reply = await writer.send("POST", "/v1/signing-secret/rotate");
    expect([reply.status, reply.text]).toEqual([204, ""]);
    expect((await read(reader)).previous.map((one) => one.secret)).toEqual([secret]);
    expect((await writer.send("GET", "/v1/signing-secret")).problem().code).toBe("forbidden");
    expect((await reader.send("POST", "/v1/signing-secret/rotate")).problem().code).toBe("forbidden");
  });
});

describe("an endpoint's secret", () => {
  test("is its own, and rotates with an overlap", async ({ own, receiver }) => {
    const [one, other] = [
      await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] }),
      await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] }),
    ];
    expect(new Set([one.secret, other.secret, (await read(own)).secret]).size).toBe(3);
    const path = `/v1/endpoints/${one.id}`;
    const reply = await own.send("POST", `${path}/rotate-secret`, { body: { overlap: "7d" } });
    const after = secrets.parse(reply.json());
    expect(after.previous.map(({ secret }) => secret)).toEqual([one.secret]);
    expect(await read(own, `${path}/secret`)).toEqual(after);
    await own.submit({ type: "diagnostics.echo", input: "x" });
    const [received] = await one.inbox.wait(1);
    expect(signaturesOf(received, "v1")).toHaveLength(2);
    for (const secret of [after.secret, one.secret]) verified(received, secret);
    const [untouched] = await other.inbox.wait(1);
    expect(signaturesOf(untouched, "v1")).toHaveLength(1);
    expect(() => verified(untouched, one.secret)).toThrow();
  });
});

describe("Ed25519", () => {
  test("signs an endpoint's events where asked, by one key pair per project that anybody can read", async ({
    own,
    receiver,
  }) => {
    const one = await verifiedEndpoint(own, receiver, {
      events: ["task.succeeded"],
      signatures: ["v1", "v1a"],
    });
    const only = await verifiedEndpoint(own, receiver, { events: ["task.succeeded"], signatures: ["v1a"] });
    await own.submit({ type: "diagnostics.echo", input: "x" });
    const { publicKey = "", jwks = "" } = await read(own, `/v1/endpoints/${one.id}/secret`);
    const [jwk, ...more] = await publicKeys(own, jwks);
    expect(more).toEqual([]);
    expect(jwk).toMatchObject({ kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" });
    expect(jwk).not.toHaveProperty("d");
    expect(jwk?.kid).toBe(await calculateJwkThumbprint(jwk ?? { kty: "OKP" }));
    expect(Buffer.from(publicKey.slice(5), "base64").toString("base64url")).toBe(jwk?.x);
    const [received] = await one.inbox.wait(1);
    expect(verified(received, one.secret).type).toBe("task.succeeded");
    expect(await signedBy(received, jwk)).toBe(true);
    const [asymmetric] = await only.inbox.wait(1);
    expect(signaturesOf(asymmetric, "v1")).toEqual([]);
    expect(await signedBy(asymmetric, jwk)).toBe(true);
  });

  test("signs the project's callbacks once that is chosen", async ({ own, receiver }) => {
    const jwks = new URL(`/jwks/${await projectOf(own, receiver)}.json`, own.url).href;
    expect(await publicKeys(own, jwks)).toEqual([]);
    const reply = await own.send("PATCH", "/v1/signing-secret", { body: { signatures: ["v1", "v1a"] } });
    const chosen = secrets.parse(reply.json());
    expect(chosen.jwks).toBe(jwks);
    const [jwk] = await publicKeys(own, jwks);
    const callback = await called(own, receiver);
    expect(await signedBy(callback, jwk)).toBe(true);
    verified(callback, chosen.secret);
    const response = await fetch(jwks);
    expect(response.headers.get("cache-control")).toBe("public, max-age=300");
  });

  test("no project's key signs for another", async ({ own, stack, receiver }) => {
    const other = await newProject(stack.gateway, `secrets-${crypto.randomUUID()}`);
    const [mine, theirs] = await Promise.all(
      [own, other].map(async (client) => {
        const reply = await client.send("PATCH", "/v1/signing-secret", { body: { signatures: ["v1a"] } });
        const [jwk] = await publicKeys(client, secrets.parse(reply.json()).jwks ?? "");
        return { jwk, callback: await called(client, receiver) };
      }),
    );
    expect(await signedBy(mine?.callback, mine?.jwk)).toBe(true);
    expect(await signedBy(mine?.callback, theirs?.jwk)).toBe(false);
  });

  test("a project that does not exist has no keys", async ({ stack }) => {
    for (const name of ["prj_01jdn1k2m3e4f5g6h7j8k9m0n1.json", "nonsense.json", "prj_x"]) {
      expect((await fetch(new URL(`/jwks/${name}`, stack.gateway.url))).status).toBe(404);
    }
  });
});

async function projectOf(client: Client, receiver: Receiver): Promise<string> {
  const callback = await called(client, receiver);
  return (JSON.parse(callback?.body ?? "") as { data: { project: string } }).data.project;
}
