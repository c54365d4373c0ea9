import { type IncomingMessage, request } from "node:http";
import { describe, expect } from "vitest";
import { Client, newProject } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { announce } from "../support/raw.ts";

const good = { type: "diagnostics.echo", input: 1 };

describe("what POST /v1/tasks refuses, and leaves no trace of", () => {
  const bodies: readonly [what: string, body: unknown, status: number, code: string, pointers?: string[]][] =
    [
      ["malformed JSON", '{"type": "diagnostics.echo", ', 400, "malformed-json"],
      ["an empty body", "", 400, "malformed-json"],
      ["bytes that are no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, "malformed-json"],
      ["a body that is no object", [good], 422, "invalid-request", ["#"]],
      ["a missing type", { input: 1 }, 422, "invalid-request", ["#/type"]],
      ["a missing input", { type: "report.generate" }, 422, "invalid-request", ["#/input"]],
      ["an unknown field", { ...good, callbackURL: "https://a.example" }, 422, "invalid-request"],
      ["a delay that is no duration", { ...good, delay: "10 s" }, 422, "invalid-request", ["#/delay"]],
      ["a delay over a year", { ...good, delay: "366d" }, 422, "invalid-request", ["#/delay"]],
      ["a deadline over 30 days", { ...good, deadline: "31d" }, 422, "invalid-request", ["#/deadline"]],
      ["negative retries", { ...good, retries: -1 }, 422, "invalid-request", ["#/retries"]],
      ["a notBefore without zone", { ...good, notBefore: "2027-01-01T00:00:00" }, 422, "invalid-request"],
      [
        "delay and notBefore together",
        { ...good, delay: "1s", notBefore: new Date(Date.now() + 60_000).toISOString() },
        422,
        "invalid-request",
      ],
      [
        "metadata that are no strings",
        { ...good, metadata: { a: 1 } },
        422,
        "invalid-request",
        ["#/metadata/a"],
      ],
      [
        "too many metadata",
        { ...good, metadata: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`k${n}`, "v"])) },
        422,
        "invalid-request",
        ["#/metadata"],
      ],
      [
        "an unknown event",
        {
          ...good,
          callbackUrl: "https://a.example.com/",
          callbackEvents: ["task.succeeded", "task.exploded"],
        },
        422,
        "invalid-request",
        ["#/callbackEvents/1"],
      ],
      [
        "an input that the type's schema refuses",
        { type: "report.generate", input: { csv: 5, groupBy: "a", aggregate: { b: "median" } } },
        422,
        "invalid-request",
      ],
      [
        "a wrong value deep in the input",
        { type: "report.generate", input: { csv: "a,b\n1,2", groupBy: "a", aggregate: { b: "median" } } },
        422,
        "invalid-request",
        ["#/input/aggregate/b"],
      ],
      ["an unknown task type", { type: "no.such", input: {} }, 422, "unknown-task-type"],
    ];
  for (const [what, body, status, code, pointers] of bodies) {
    test(what, async ({ client }) => {
      const reply = await client.send("POST", "/v1/tasks", { body });
      const problem = reply.problem();
      expect(problem).toMatchObject({ status, code });
      expect(problem.type).toBe(`${client.url}/problems/${code}`);
      expect(reply.headers.get("location")).toBeNull();
      if (code === "invalid-request") expect(problem.errors?.length).toBeGreaterThan(0);
      if (pointers) expect(problem.errors?.map((error) => error.pointer)).toEqual(pointers);
    });
  }

  // What policy `local` refuses too; the strict policy has unit tests of its own.
  const urls = [
    "ftp://files.example.com/",
    "javascript:alert(1)",
    "http://user:secret@127.0.0.1:9/",
    "http://169.254.169.254/latest/meta-data/",
    "http://0xA9FEA9FE/",
    "http://[::ffff:169.254.169.254]/",
    "https://a.example.com\\@169.254.169.254/",
    " https://a.example.com/",
    "/relative",
    "",
  ];
  for (const callbackUrl of urls) {
    test(`an unsafe callback URL: ${JSON.stringify(callbackUrl)}`, async ({ client }) => {
      const reply = await client.send("POST", "/v1/tasks", { body: { ...good, callbackUrl } });
      expect(reply.problem()).toMatchObject({ status: 422, code: "unsafe-callback-url" });
    });
  }

  test("a callback to the gateway itself", async ({ client }) => {
    const reply = await client.send("POST", "/v1/tasks", {
      body: { ...good, callbackUrl: `${client.url}/internal/run` },
    });
    expect(reply.problem()).toMatchObject({ status: 422, code: "unsafe-callback-url" });
  });

  test("an unsafe URL within the input, by its pointer", async ({ client }) => {
    const input = { csvUrl: "http://169.254.169.254/x.csv", groupBy: "a", aggregate: { b: "sum" } };
    const reply = await client.send("POST", "/v1/tasks", { body: { type: "report.generate", input } });
    expect(reply.problem()).toMatchObject({ status: 422, errors: [{ pointer: "#/input/csvUrl" }] });
  });

  for (const key of ["", "x".repeat(256), "sp ace\u00e9"]) {
    test(`a malformed Idempotency-Key: ${key.slice(0, 10)}`, async ({ client }) => {
      const reply = await client.send("POST", "/v1/tasks", {
        body: good,
        headers: { "idempotency-key": key },
      });
      expect(reply.problem()).toMatchObject({ status: 400, code: "malformed-idempotency-key" });
    });
  }

  test("a body over 1 MiB, announced or not", async ({ client }) => {
    const { status, text } = await announce(client, "/v1/tasks", 1_048_577);
    expect([status, text]).toEqual([413, expect.stringContaining('"payload-too-large"')]);
    const body = { ...good, input: "x".repeat(1_048_577) };
    const streamed = request(`${client.url}/v1/tasks`, {
      method: "POST",
      headers: { authorization: client.authorization, "content-type": "application/json" },
    });
    const answer = new Promise<IncomingMessage>((come) => streamed.once("response", come));
    streamed.on("error", () => undefined); // the connection may be closed before the body's end, the answer counts
    streamed.write(JSON.stringify(body)); // no content-length: chunked
    streamed.end();
    expect(await answer).toMatchObject({ statusCode: 413 });
    streamed.destroy();
  });

  test("a body that is not said to be JSON", async ({ client }) => {
    const reply = await client.send("POST", "/v1/tasks", {
      body: JSON.stringify(good),
      headers: { "content-type": "text/plain" },
    });
    expect(reply.problem()).toMatchObject({ status: 415, code: "unsupported-media-type" });
  });
});

describe("who is let in", () => {
  test("nobody without a key, with garbage, or with a key of another make", async ({ client, stack }) => {
    const [, key = ""] = client.authorization.split(" ");
    const last = key.at(-1) === "A" ? "B" : "A";
    const flipped = `${key.slice(0, 40)}${key[40] === "A" ? "B" : "A"}${key.slice(41)}`;
    const wrong = ["", "Bearer", "Bearer nonsense", `Basic ${key}`, `Bearer ${flipped}`];
    for (const authorization of [...wrong, `Bearer ${key.slice(0, -2)}${last}${last}`]) {
      const reply = await new Client(stack.gateway).send("POST", "/v1/tasks", {
        body: good,
        headers: authorization ? { authorization } : {},
      });
      expect(reply.problem(), authorization).toMatchObject({ status: 401, code: "unauthenticated" });
      expect(reply.headers.get("www-authenticate")).toMatch(/^Bearer/);
    }
  });

  test("a key does what its scopes say and no more", async ({ stack }) => {
    const name = `e2e-${crypto.randomUUID()}`;
    const reader = await newProject(stack.gateway, name, ["tasks:read"]);
    const writer = await newProject(stack.gateway, name, ["tasks:write"]);
    const { id } = await writer.submit(good);
    expect((await reader.ended(id)).status).toBe("succeeded");
    const refused = { status: 403, code: "forbidden" };
    expect((await reader.send("POST", "/v1/tasks", { body: good })).problem()).toMatchObject(refused);
    expect((await writer.send("GET", `/v1/tasks/${id}`)).problem()).toMatchObject(refused);
    expect((await reader.send("GET", "/v1/signing-secret")).problem()).toMatchObject(refused);
  });

  test("an unknown path is a problem too", async ({ client }) => {
    expect((await client.send("GET", "/v1/nothing")).problem()).toMatchObject({
      status: 404,
      code: "not-found",
    });
  });
});
