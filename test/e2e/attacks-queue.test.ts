import { createHash } from "node:crypto";
import { base64url } from "jose";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { routesOf } from "../../src/http/routes/index.ts";
import { type Bystander, makeBystander } from "../fuzz/bystander.ts";
import { listen } from "../fuzz/receiver.ts";
import { Client, newProject } from "../support/client.ts";
import { everyOperation, type Wanted } from "../support/every-operation.ts";
import { sign } from "../support/qstash-signature.ts";
import { Receiver } from "../support/receiver.ts";

const { gateway, backing } = inject("stack");
const { currentSigningKey, nextSigningKey } = backing.qstash;
const outsider = new Client(gateway);
let victim: Bystander;
/** Messages about a task whose start lies ahead, which a forger would like to be run, and about one that is over. */
let ahead: Readonly<Record<string, Wanted>>;
let over: Readonly<Record<string, Wanted>>;

beforeAll(async () => {
  const receiver = await listen(() => undefined);
  victim = await makeBystander(gateway, receiver.url, backing.redisServer);
  const about = (task = "") =>
    everyOperation({
      task,
      delivery: victim.ids.del[0] ?? "",
      endpoint: victim.ids.ep[0] ?? "",
      key: victim.key.id,
      project: victim.key.project.id,
      taskToken: "",
      url: receiver.url,
    });
  over = about(victim.ids.task[0]);
  ahead = about(victim.ids.task.at(-1));
  return receiver.stop;
});

function messageFor(operation: string, wanted = ahead): { path: string; body: string } {
  const { path, body } = wanted[operation] ?? { path: "" };
  return { path, body: JSON.stringify(body) };
}

function send(path: string, body: string, signature: string) {
  return outsider.send("POST", path, { body, headers: { "upstash-signature": signature } });
}

/** A token whose header says that it needs no signature (RFC 7519, section 6). */
function unsigned(algorithm: string, claims: object, mac: string): string {
  const part = (value: object) => base64url.encode(JSON.stringify(value));
  return `${part({ alg: algorithm, typ: "JWT" })}.${part(claims)}.${mac}`;
}

const operations = routesOf().flatMap(({ access, operation }) => (access === "queue" ? [operation] : []));

describe("a call that the queue did not sign is 401 and changes nothing", () => {
  test.for(operations)("%s", async (operation) => {
    const { path, body } = messageFor(operation);
    const subject = gateway.url + path;
    const key = currentSigningKey;
    const right = { key, subject, body };
    const now = Math.floor(Date.now() / 1_000);
    const hash = createHash("sha256").update(body).digest("base64url");
    const claims = { iss: "Upstash", sub: subject, iat: now, nbf: 0, exp: now + 300, body: hash };
    const genuine = await sign(right);
    const [head = "", claimed = "", mac = ""] = genuine.split(".");
    const before = await victim.snapshot();
    const forged: Readonly<Record<string, string>> = {
      "another key": await sign({ ...right, key: `sig_${"a".repeat(28)}` }),
      "an empty key": await sign({ ...right, key: "\0" }),
      "another path": await sign({ ...right, subject: `${gateway.url}/internal/other` }),
      "another query": await sign({ ...right, subject: `${subject}${subject.includes("?") ? "&" : "?"}a=b` }),
      "another host": await sign({ ...right, subject: `https://elsewhere.example.com${path}` }),
      "another body": await sign({ ...right, body: `${body} ` }),
      "another issuer": await sign({ ...right, issuer: "Downstash" }),
      "long expired": await sign({ ...right, expiresIn: -60 }),
      "no expiry": await sign({ ...right, expiresIn: null }),
      HS384: await sign({ ...right, algorithm: "HS384" }),
      HS512: await sign({ ...right, algorithm: "HS512" }),
      "no algorithm": unsigned("none", claims, ""),
      "no algorithm, with a signature": unsigned("none", claims, mac),
      "NONE in capitals": unsigned("NONE", claims, mac),
      "a public key's algorithm": unsigned("RS256", claims, mac),
      "a signature of other claims": `${head}.${base64url.encode(JSON.stringify({ ...claims, exp: now + 9_000 }))}.${mac}`,
      "no body's hash": unsigned("HS256", { ...claims, body: undefined }, mac),
      "a cut signature": `${head}.${claimed}.${mac.slice(0, -2)}`,
      "four parts": `${genuine}.${mac}`,
      "two signatures": `${genuine}, ${genuine}`,
      "the key itself": key,
      "a megabyte of dots": ".".repeat(4_000),
    };
    for (const [what, signature] of Object.entries(forged)) {
      const reply = await send(path, body, signature);
      expect(reply.problem(), what).toMatchObject({ status: 401, code: "invalid-signature" });
      expect(reply.headers.get("www-authenticate"), what).toBe("Upstash-Signature");
    }
    for (const other of operations.filter((one) => one !== operation)) {
      const theirs = await sign({ ...right, subject: gateway.url + messageFor(other).path });
      expect((await send(path, body, theirs)).status, `replayed from ${other}`).toBe(401);
    }
    expect((await send(`${path}${path.includes("?") ? "&" : "?"}x=1`, body, genuine)).status).toBe(401);
    expect(await victim.snapshot()).toEqual(before);
  });
});

describe("a true call that comes again is let in, and does nothing more", () => {
  test.for(operations)("%s", async (operation) => {
    const { path, body } = messageFor(operation, over);
    const before = await victim.snapshot();
    for (const key of [currentSigningKey, nextSigningKey]) {
      const signature = await sign({ key, subject: gateway.url + path, body });
      const first = await send(path, body, signature);
      expect(first.status).not.toBe(401);
      const again = await Promise.all(Array.from({ length: 5 }, () => send(path, body, signature)));
      expect(again.map(({ status }) => status)).toEqual(Array(5).fill(first.status));
    }
    expect(await victim.snapshot()).toEqual(before);
  });

  test("also in the middle of a task's way: one start, one event", async () => {
    const inboxes = await Receiver.start();
    const client = await newProject(gateway, `replayed-${crypto.randomUUID()}`);
    const inbox = inboxes.open();
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl: inbox.url });
    await inbox.wait(1);
    const { project } = JSON.parse(inbox.received[0]?.body ?? "").data;
    const { id: next } = await client.submit({ type: "diagnostics.echo", input: 2, callbackUrl: inbox.url });
    const body = JSON.stringify({ v: 1, project, task: next, run: 1, attempt: 1 });
    const signature = await sign({ key: currentSigningKey, subject: `${gateway.url}/internal/run`, body });
    await Promise.all(Array.from({ length: 20 }, () => send("/internal/run", body, signature)));
    for (const task of [id, next]) {
      expect((await client.settled(task)).attempts).toHaveLength(1);
      const started = (await client.timeline(task)).filter(({ type }) => type === "task.started");
      expect(started).toHaveLength(1);
    }
    expect(inbox.received).toHaveLength(2);
    await inboxes.stop();
  });
});
