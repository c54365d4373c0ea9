import { describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import {
  type CallbackEvent,
  type RawCallback,
  type TaskEventData,
  verifyCallback,
} from "../../src/receiver/index.ts";
import { BODY, codeOf, EVENT, headersOf, newKeyPair, newSecret, requestOf, SIGNERS } from "./signed.ts";

const sign = createSign(webCrypto);

const secret = newSecret();
const now = new Date();
const at = (seconds: number): Date => new Date(Math.floor(now.getTime() / 1_000 + seconds) * 1_000);
const clock = { now: () => at(0).getTime() };

describe("a callback is accepted", () => {
  for (const [library, signed] of Object.entries(SIGNERS)) {
    it.each([24, 32, 64])(`as ${library} signs it, with a secret of %d bytes`, async (bytes) => {
      const own = newSecret(bytes);
      const signature = signed(own, "msg_1", at(0), BODY);
      const event = await verifyCallback(requestOf(own, { id: "msg_1", at: at(0), signature }), own, clock);
      expect(event).toEqual({ id: "msg_1", ...EVENT });
    });
  }

  it("as the gateway signs it, with several secrets and a key pair", async () => {
    const seconds = at(0).getTime() / 1_000;
    const signature = await sign([newSecret(), secret], "evt_1", seconds, BODY);
    const request = requestOf(secret, { id: "evt_1", at: at(0), signature });
    expect((await verifyCallback(request, secret, clock)).id).toBe("evt_1");
  });

  it.each([
    ["without its prefix", secret.slice(6)],
    ["with a line feed, as files end", `${secret}\n`],
    ["without padding", secret.replace(/=+$/, "")],
  ])("with the secret %s", async (_how, spelt) => {
    expect((await verifyCallback(requestOf(secret), spelt)).type).toBe("task.succeeded");
  });

  it("with any of the secrets that a receiver holds, and any of the signatures that were sent", async () => {
    const older = newSecret();
    await verifyCallback(requestOf(older), [secret, older]);
    const [first, second] = [secret, older].map((one) => headersOf(one)["webhook-signature"]);
    await verifyCallback(requestOf(secret, { signature: `v1,AAAA ${first} ${second}` }), older);
    await verifyCallback(requestOf(secret, { signature: `v9,x nonsense v1a,AAAA ${first}` }), secret);
  });

  it.each([-300, -1, 0, 1, 300])("sent %d s from now", async (skew) => {
    await verifyCallback(requestOf(secret, { at: at(skew) }), secret, clock);
  });

  it("from headers and a raw body, as text and as bytes, whatever the case of the names", async () => {
    const headers = headersOf(secret);
    await verifyCallback({ headers, body: BODY }, secret);
    await verifyCallback({ headers: new Headers(headers), body: Buffer.from(BODY) }, secret);
    const loud = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]),
    );
    await verifyCallback({ headers: loud, body: new TextEncoder().encode(BODY) }, secret);
  });

  it("that is thin, a CloudEvent, or of a type that came later", async () => {
    const { id, type, timestamp, data } = { id: "evt_1", ...EVENT };
    const cloud = JSON.stringify({
      specversion: "1.0",
      id,
      source: "https://g.example",
      type,
      time: timestamp,
      data,
    });
    expect(await verifyCallback(requestOf(secret, { id, body: cloud }), secret)).toEqual({
      id,
      type,
      timestamp,
      data,
    });
    const later = JSON.stringify({ type: "task.paused", timestamp, data: {} });
    expect((await verifyCallback(requestOf(secret, { body: later }), secret)).type).toBe("task.paused");
  });

  it("byte by byte: bytes in several pieces, spaces, escapes", async () => {
    const body = `{ "type":"task.failed",\r\n"timestamp":"2026-11-24T09:00:00.000Z","data":{"a":"\\u00fc \u00fc"}}`;
    const bytes = new TextEncoder().encode(body);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const init = { method: "POST", headers: headersOf(secret, { body }), body: stream, duplex: "half" };
    const event = await verifyCallback(new Request("https://client.example/", init), secret);
    expect(event.data).toEqual({ a: "\u00fc \u00fc" });
  });
});

describe("a callback is refused", () => {
  it.each(["webhook-id", "webhook-timestamp", "webhook-signature"])("without %s", async (name) => {
    const headers = headersOf(secret);
    expect(
      await codeOf(verifyCallback({ headers: { ...headers, [name]: undefined }, body: BODY }, secret)),
    ).toBe("missing-headers");
    expect(await codeOf(verifyCallback({ headers: { ...headers, [name]: "" }, body: BODY }, secret))).toBe(
      "missing-headers",
    );
  });

  it.each(["1700000000.9", "-1", "soon", "1e9", "0x65", "9999999999999"])(
    "with the timestamp %s",
    async (timestamp) => {
      const headers = { ...headersOf(secret), "webhook-timestamp": timestamp };
      expect(await codeOf(verifyCallback({ headers, body: BODY }, secret))).toBe("malformed-headers");
    },
  );

  it.each([
    [-301, "too-old"],
    [301, "too-new"],
    [-86_400, "too-old"],
    [1_000_000, "too-new"],
  ])("sent %d s from now: %s", async (skew, code) => {
    expect(await codeOf(verifyCallback(requestOf(secret, { at: at(skew) }), secret, clock))).toBe(code);
  });

  it("beyond a tolerance of the receiver's own", async () => {
    const request = () => requestOf(secret, { at: at(-11) });
    expect(await codeOf(verifyCallback(request(), secret, { ...clock, tolerance: 10 }))).toBe("too-old");
    await verifyCallback(request(), secret, { ...clock, tolerance: 11 });
  });

  const good = headersOf(secret, { at: at(0) });
  const [, mac = ""] = (good["webhook-signature"] ?? "").split(",");
  it.each<[string, Record<string, string>, string]>([
    ["another secret", headersOf(newSecret(), { at: at(0) }), BODY],
    ["another body", good, BODY.replace("succeeded", "failed")],
    ["a space more", good, `${BODY} `],
    ["an empty body", good, ""],
    ["another id", { ...good, "webhook-id": "evt_2" }, BODY],
    ["another timestamp", { ...good, "webhook-timestamp": `${at(1).getTime() / 1_000}` }, BODY],
    ["the dot moved", { ...good, "webhook-id": `${good["webhook-id"]}.1` }, BODY],
    ["no version", { ...good, "webhook-signature": mac }, BODY],
    ["another version", { ...good, "webhook-signature": `v2,${mac}` }, BODY],
    ["the version of the public keys", { ...good, "webhook-signature": `v1a,${mac}` }, BODY],
    ["base64url", { ...good, "webhook-signature": `v1,${mac.slice(0, -2)}_=` }, BODY],
    ["a signature cut short", { ...good, "webhook-signature": `v1,${mac.slice(0, 20)}` }, BODY],
    [
      "the right signature behind too many",
      { ...good, "webhook-signature": `${"v1,AAAA ".repeat(32)}v1,${mac}` },
      BODY,
    ],
    ["hex", { ...good, "webhook-signature": `v1,${Buffer.from(mac, "base64").toString("hex")}` }, BODY],
    ["rubbish", { ...good, "webhook-signature": "," }, BODY],
  ])("with %s", async (_what, headers, body) => {
    expect(await codeOf(verifyCallback({ headers, body }, secret, clock))).toBe("bad-signature");
  });

  it.each([
    ["no JSON", "task.succeeded"],
    ["no object", '"task.succeeded"'],
    ["null", "null"],
    ["no type", '{"timestamp":"2026-11-24T09:00:00.000Z","data":{}}'],
    ["no time", '{"type":"task.succeeded","data":{}}'],
    ["no data", '{"type":"task.succeeded","timestamp":"2026-11-24T09:00:00.000Z"}'],
  ])("though well signed: %s", async (_what, body) => {
    expect(await codeOf(verifyCallback(requestOf(secret, { body }), secret))).toBe("malformed-body");
  });

  it("when the body is no UTF-8", async () => {
    const body = Uint8Array.from([
      ...Buffer.from('{"type":"'),
      0xff,
      ...Buffer.from('","timestamp":"t","data":{}}'),
    ]);
    const seconds = Math.floor(Date.now() / 1_000);
    const { createHmac } = await import("node:crypto");
    const mac = createHmac("sha256", Buffer.from(secret.slice(6), "base64"));
    const signature = `v1,${mac.update(`evt_1.${seconds}.`).update(body).digest("base64")}`;
    const headers = {
      "webhook-id": "evt_1",
      "webhook-timestamp": `${seconds}`,
      "webhook-signature": signature,
    };
    expect(await codeOf(verifyCallback({ headers, body }, secret))).toBe("malformed-body");
  });

  it("when it is larger than what is read", async () => {
    expect(await codeOf(verifyCallback(requestOf(secret), secret, { maxBody: 100 }))).toBe("too-large");
    expect(
      await codeOf(verifyCallback({ headers: headersOf(secret), body: BODY }, secret, { maxBody: 100 })),
    ).toBe("too-large");
    await verifyCallback(requestOf(secret), secret, { maxBody: Buffer.byteLength(BODY) });
  });

  it("when its body was read before", async () => {
    const request = requestOf(secret);
    await request.text();
    expect(await codeOf(verifyCallback(request, secret))).toBe("body-used");
  });

  it("when a parser has read its body", async () => {
    for (const body of [EVENT, {}, undefined]) {
      // as JavaScript may call it
      const parsed = { headers: headersOf(secret), body } as unknown as RawCallback;
      expect(await codeOf(verifyCallback(parsed, secret))).toBe("body-used");
    }
  });
});

describe("a secret that is none is named as such", () => {
  it.each([
    ["a signature's prefix", `v1,${secret}`, /v1,/],
    ["a public key", newKeyPair().whpk, /publicKeys/],
    ["a private key", "whsk_AAAA", /publicKeys/],
    ["base64url", "whsec_-_-_", /base64/],
    ["nothing but the prefix", "whsec_", /base64/],
    ["nothing", "", /base64/],
    ["an impossible length", "whsec_AAAAA", /base64/],
  ])("%s", async (_what, wrong, said) => {
    const refused = verifyCallback(requestOf(secret), wrong);
    await expect(refused).rejects.toMatchObject({ code: "invalid-secret", status: 500 });
    await expect(refused).rejects.toThrow(said);
  });

  it("no secret at all", async () => {
    expect(await codeOf(verifyCallback(requestOf(secret), []))).toBe("invalid-secret");
    expect(await codeOf(verifyCallback(requestOf(secret), [], { publicKeys: "whpk_AAAA" }))).toBe(
      "bad-signature",
    );
    const signature = newKeyPair().sign("evt_1", new Date(), BODY);
    const request = requestOf(secret, { id: "evt_1", signature });
    expect(await codeOf(verifyCallback(request, [], { publicKeys: "whpk_AAAA" }))).toBe("invalid-secret");
  });
});

describe("replays", () => {
  function store() {
    const kept = new Map<string, number>();
    onTestFinished(() => kept.clear());
    return {
      kept,
      seen: (key: string, ttl: number) => {
        const before = kept.has(key);
        kept.set(key, ttl);
        return before;
      },
    };
  }

  it("are refused: the very same request a second time", async () => {
    const replays = store();
    const request = () => requestOf(secret, { at: at(0) });
    await verifyCallback(request(), secret, { ...clock, replays });
    expect(await codeOf(verifyCallback(request(), secret, { ...clock, replays }))).toBe("replayed");
    expect([...replays.kept.values()]).toEqual([601]);
  });

  it("are not what the gateway's own repetitions are: signed anew, under the same id", async () => {
    const replays = store();
    const first = await verifyCallback(requestOf(secret, { at: at(-5) }), secret, { ...clock, replays });
    const second = await verifyCallback(requestOf(secret, { at: at(0) }), secret, { ...clock, replays });
    expect(second.id).toBe(first.id);
  });

  it("are only looked for once the signature is right: nobody else can fill the store", async () => {
    const replays = store();
    await codeOf(verifyCallback(requestOf(newSecret()), secret, { replays }));
    expect(replays.kept.size).toBe(0);
  });

  it("may be kept elsewhere", async () => {
    const replays = { seen: async () => true };
    expect(await codeOf(verifyCallback(requestOf(secret), secret, { replays }))).toBe("replayed");
  });
});

it("events are told apart by their type", () => {
  const dataOf = (event: CallbackEvent) => {
    switch (event.type) {
      case "endpoint.verification":
        return event.data.challenge;
      case "task.failed":
        return event.data;
      default:
        return event.data.project;
    }
  };
  expectTypeOf(dataOf).returns.toEqualTypeOf<string | TaskEventData>();
});
