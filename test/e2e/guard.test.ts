import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Client, eventually, newProject } from "../support/client.ts";
import { Doh, type Zone } from "../support/doh.ts";
import { root } from "../support/process.ts";
import { QUICK } from "../support/shared-stack.ts";
import { type Gateway, startGateway } from "../support/stack.ts";

const tls = (name: string): string => join(root, "test/support/tls", name);
const PUBLIC = "93.184.215.14";

/** What each name is now; each test has names of its own. */
const zones = new Map<string, Zone>();
const arrived: { host: string; url: string }[] = [];
const receivers = ["127.0.0.1", "127.0.0.2"].map((host) => ({
  host,
  server: createServer(
    { key: readFileSync(tls("key.pem")), cert: readFileSync(tls("cert.pem")) },
    (request, response) => {
      arrived.push({ host, url: request.url ?? "" });
      request.resume();
      response.end();
    },
  ),
}));
let port = 0;
let doh: Doh;
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  for (const { host, server } of receivers) {
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
    port = (server.address() as AddressInfo).port; // a TCP server that listens has one
  }
  doh = await Doh.start((name) => zones.get(name));
  const { runtime, backing } = inject("stack");
  gateway = await startGateway(runtime, backing, {
    env: {
      ...QUICK,
      RINGBACK_CALLBACK_POLICY: "strict",
      RINGBACK_DOH_URL: doh.url,
      // A host that needs no question, the port of the receivers, and one address that would be refused.
      RINGBACK_CALLBACK_ALLOW: `localhost:${port},:${port},127.0.0.2`,
      NODE_EXTRA_CA_CERTS: tls("ca.pem"),
      DENO_CERT: tls("ca.pem"),
    },
  });
  client = await newProject(gateway, `e2e-${crypto.randomUUID()}`);
});

afterAll(async () => {
  await gateway?.running.stop();
  await doh?.stop();
  for (const { server } of receivers) {
    server.closeAllConnections();
    server.close();
  }
});

async function calledBack(host: string, zone: Zone | undefined): Promise<string> {
  if (zone) zones.set(host, zone);
  const callbackUrl = `https://${host}:${port}/${crypto.randomUUID()}`;
  const { id } = await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl });
  return id;
}

/** The attempts of a task's delivery, once there are so many. */
async function attempts(id: string, count: number) {
  return eventually(
    async () => {
      const [only] = await client.deliveries(id);
      const all = only ? (await client.delivery(only.id)).attempts : [];
      if (all.length < count) throw new Error(`${all.length} of ${count} attempts`);
      return all;
    },
    { timeoutMs: 20_000, everyMs: 150 },
  );
}

describe("a callback's host is resolved before each attempt", () => {
  const unusable: readonly [string, Zone | undefined, string][] = [
    ["a private address", ["10.1.2.3"], "unsafe-address"],
    ["loopback", ["127.0.0.1"], "unsafe-address"],
    ["a metadata service, in IPv6", ["::ffff:169.254.169.254"], "unsafe-address"],
    ["a public address and a private one", [PUBLIC, "192.168.0.1"], "unsafe-address"],
    ["a public IPv4 and a private IPv6 address", [PUBLIC, "fd00::1"], "unsafe-address"],
    [
      "a CNAME that ends inside",
      {
        records: [
          { type: 5, data: "db.internal." },
          { type: 1, data: "10.0.0.5" },
        ],
      },
      "unsafe-address",
    ],
    ["nothing: the name does not exist", undefined, "dns-failed"],
    ["nothing: the resolver fails", { status: 2 }, "dns-failed"],
    ["half: the resolver fails for IPv6", { status: 2, of: "AAAA" }, "dns-failed"],
    ["rubbish", { text: "<html>" }, "dns-failed"],
    ["nothing in time", "hang", "dns-failed"],
  ];
  test.for(unusable)(
    "to %s: each attempt fails, and is tried again",
    { timeout: 40_000 },
    async ([what, zone, code]) => {
      const id = await calledBack(
        `${what.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}.hooks.example.com`,
        zone,
      );
      const all = await attempts(id, 2);
      for (const { error, statusCode } of all) {
        expect(error?.code).toBe(code);
        expect(error?.message).not.toMatch(/\d+\.\d+\.\d+\.\d+|dns-query/);
        expect(statusCode).toBeUndefined();
      }
      expect(arrived.map(({ url }) => url)).not.toContain(
        new URL((await client.deliveries(id))[0]?.url ?? "").pathname,
      );
    },
  );

  test("ends as dead when it never becomes better", { timeout: 40_000 }, async () => {
    const delivery = await client.settled(await calledBack("dead.hooks.example.com", ["10.0.0.1"]), 30_000);
    expect(delivery.status).toBe("dead");
    expect(delivery.attempts.map(({ error }) => error?.code)).toEqual(Array(4).fill("unsafe-address"));
  });

  test("a name that is mended between two attempts is called", { timeout: 40_000 }, async () => {
    const host = "mended.hooks.example.com";
    const id = await calledBack(host, ["10.0.0.1"]);
    await attempts(id, 1);
    zones.set(host, ["127.0.0.2"]); // which the deployer listed
    const [first, ...later] = await attempts(id, 2);
    expect(first?.error?.code).toBe("unsafe-address");
    // Deno calls the judged address. workerd resolves the name itself, which exists in this test's resolver alone.
    const expected = inject("stack").runtime === "deno" ? undefined : "connect-failed";
    expect(later[0]?.error?.code).toBe(expected);
  });

  test("a host that the deployer listed is called without a question", async () => {
    const delivery = await client.settled(await calledBack("localhost", undefined));
    expect(delivery.status).toBe("delivered");
    expect(arrived).toContainEqual({ host: "127.0.0.1", url: new URL(delivery.url).pathname });
    expect(doh.asked.filter((question) => question.endsWith(" localhost"))).toEqual([]);
  });

  test("a file that a task fetches is held to the same", async () => {
    zones.set("file.hooks.example.com", ["169.254.169.254"]);
    const { id } = await client.submit({
      type: "report.generate",
      input: {
        csvUrl: `https://file.hooks.example.com:${port}/a.csv`,
        groupBy: "a",
        aggregate: { b: "sum" },
      },
      retries: 0,
    });
    expect(await client.ended(id)).toMatchObject({ status: "failed", error: { code: "csv-unavailable" } });
  });
});

describe("what the URL alone tells under strict", () => {
  test.for([
    "https://127.0.0.1/",
    "https://0x7f.1/",
    "https://[::1]/",
    "http://hooks.example.com/",
    "https://hooks.example.com:22/",
    "https://db/",
    "https://api.internal/",
    "https://user@hooks.example.com/",
    "https://redis.upstash.io/",
  ])("%s is refused at the submission, and nobody is asked", async (callbackUrl) => {
    const before = doh.asked.length;
    const reply = await client.send("POST", "/v1/tasks", {
      body: { type: "diagnostics.echo", input: 1, callbackUrl },
    });
    expect(reply.problem()).toMatchObject({ status: 422, code: "unsafe-callback-url" });
    expect(
      doh.asked.slice(before).filter((question) => /\d+\.\d+|db$|internal$|upstash/.test(question)),
    ).toEqual([]);
  });
});

describe("an endpoint's host is resolved when it is registered", () => {
  // Of a project of its own: events of the others' tasks must not go there.
  const registrar = () => newProject(gateway, `e2e-${crypto.randomUUID()}`);
  const down: readonly (readonly [what: string, zone: Zone])[] = [
    ["answers 500", { http: 500 }],
    ["answers SERVFAIL", { status: 2 }],
    ["answers no JSON", { text: "<html>" }],
    ["does not answer in time", "hang"],
  ];
  test.for(down)("a resolver that %s: 503, and again later", { timeout: 30_000 }, async ([what, zone]) => {
    const host = `${what.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}.endpoints.example.com`;
    const url = `https://${host}:${port}/${host}`;
    const client = await registrar();
    const headers = { "Idempotency-Key": host };
    zones.set(host, zone);
    const refused = await client.send("POST", "/v1/endpoints", { body: { url }, headers });
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    expect(refused.problem().code).toBe("temporarily-unavailable");
    zones.set(host, ["127.0.0.2"]); // which the deployer listed
    const made = await client.send("POST", "/v1/endpoints", { body: { url }, headers });
    expect(made.status).toBe(201);
    const { id } = made.json() as { id: string };
    zones.set(`moved.${host}`, zone);
    const moved = await client.send("PATCH", `/v1/endpoints/${id}`, {
      body: { url: `https://moved.${host}:${port}/` },
    });
    expect(moved.status).toBe(503);
  });

  test("a name that does not exist: 422", async () => {
    const client = await registrar();
    const url = `https://nowhere.endpoints.example.com:${port}/`;
    const refused = await client.send("POST", "/v1/endpoints", { body: { url } });
    expect(refused.status).toBe(422);
    expect(refused.problem().code).toBe("unsafe-callback-url");
  });
});
