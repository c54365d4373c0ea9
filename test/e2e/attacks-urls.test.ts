import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, inject } from "vitest";
import * as z from "zod";
import { type Client, newProject } from "../support/client.ts";
import { Doh } from "../support/doh.ts";
import { register } from "../support/endpoints.ts";
import { test } from "../support/fixture.ts";
import { QUICK } from "../support/shared-stack.ts";
import { type Gateway, startGateway } from "../support/stack.ts";

const folder = new URL("../egress/corpus/", import.meta.url);
const entry = z.object({ url: z.string(), strict: z.enum(["allowed", "refused"]) });

/** What the guard must refuse by the URL alone; hosts that are only the guard's own in its unit tests left out. */
const REFUSED = readdirSync(folder)
  .flatMap((file) => z.array(entry).parse(JSON.parse(readFileSync(new URL(file, folder), "utf8"))))
  .filter(({ url, strict }) => strict === "refused" && url !== "" && url.length <= 2_048 && !isTheirs(url))
  .map(({ url }) => url);

function isTheirs(url: string): boolean {
  return /^(?:gateway|redis\.vendor)\.example(?:\.com)?\.?$/.test(URL.parse(url)?.hostname ?? "");
}

let doh: Doh;
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  doh = await Doh.start(() => ["10.0.0.1"]); // every name leads inside
  const { runtime, backing } = inject("stack");
  gateway = await startGateway(runtime, backing, {
    env: {
      ...QUICK,
      RINGBACK_CALLBACK_POLICY: "strict",
      RINGBACK_DOH_URL: doh.url,
      RINGBACK_SWEEP_INTERVAL: "1h",
      RINGBACK_SERVICES: JSON.stringify([
        { name: "shop", baseUrl: "https://shop.example.com/base", methods: ["GET", "POST"], paths: ["/v1/"] },
      ]),
    },
  });
  client = await newProject(gateway, `urls-${crypto.randomUUID()}`);
});

afterAll(async () => {
  await gateway?.running.stop();
  await doh?.stop();
});

const answers = z.object({
  data: z.array(
    z.object({
      status: z.int(),
      problem: z.object({ code: z.string() }).optional(),
      task: z.unknown().optional(),
    }),
  ),
});

/** The URLs whose task was not refused for the URL. */
async function accepted(taskFor: (url: string) => object, code: string): Promise<string[]> {
  const through: string[] = [];
  for (let from = 0; from < REFUSED.length; from += 100) {
    const urls = REFUSED.slice(from, from + 100);
    const reply = await client.send("POST", "/v1/tasks/batch", { body: { tasks: urls.map(taskFor) } });
    const { data } = answers.parse(reply.json());
    through.push(
      ...urls.filter((_, index) => data[index]?.status !== 422 || data[index]?.problem?.code !== code),
    );
  }
  return through;
}

describe("every URL that the guard refuses is refused wherever a client can give one", () => {
  test("there are many", () => {
    expect(REFUSED.length).toBeGreaterThan(250);
  });

  test("callbackUrl", async () => {
    const task = (callbackUrl: string) => ({ type: "diagnostics.echo", input: 1, callbackUrl });
    expect(await accepted(task, "unsafe-callback-url")).toEqual([]);
  });

  test("csvUrl", async () => {
    const task = (csvUrl: string) => ({
      type: "report.generate",
      input: { csvUrl, groupBy: "a", aggregate: { b: "sum" } },
    });
    expect(await accepted(task, "unsafe-url")).toEqual([]);
  });

  test("urls", async () => {
    const task = (url: string) => ({
      type: "links.check",
      input: { urls: ["https://public.example.com/", url] },
    });
    expect(await accepted(task, "unsafe-url")).toEqual([]);
  });

  test("an endpoint's url, new and changed", async ({ stack, receiver }) => {
    for (const url of REFUSED) {
      const reply = await client.send("POST", "/v1/endpoints", { body: { url, events: ["*"] } });
      expect(reply.problem(), url).toMatchObject({ status: 422, code: "unsafe-callback-url" });
    }
    // What the strict policy refuses needs an endpoint that it would let be: the one of the shared gateway is lax.
    const lax = await newProject(stack.gateway, `urls-${crypto.randomUUID()}`);
    const { id } = await register(lax, { url: receiver.open().url, events: ["*"] });
    const theirs = await newProject(stack.gateway, `urls-${crypto.randomUUID()}`);
    expect(
      (await theirs.send("PATCH", `/v1/endpoints/${id}`, { body: { url: "http://127.0.0.1:9/" } })).status,
    ).toBe(404);
    for (const url of [
      "http://169.254.169.254/",
      "file:///etc/passwd",
      `${stack.gateway.url}/internal/run`,
      "gopher://127.0.0.1:6379/",
    ]) {
      const reply = await lax.send("PATCH", `/v1/endpoints/${id}`, { body: { url } });
      expect(reply.problem(), url).toMatchObject({ status: 422, code: "unsafe-callback-url" });
    }
  });

  test("a name that leads inside is refused at the registration too", async () => {
    const body = { url: "https://innocent.example.com/", events: ["*"] };
    expect((await client.send("POST", "/v1/endpoints", { body })).problem()).toMatchObject({
      status: 422,
      code: "unsafe-callback-url",
    });
    expect(doh.asked).toContain("A innocent.example.com");
  });
});

describe("a service's path", () => {
  const paths = [
    "//evil.example.com/",
    "/v1/../admin",
    "/v1/..",
    "/v1/%2e%2e/admin",
    "/v1/%2E./admin",
    "/v1/..;/admin",
    "/v1/%2fadmin",
    "/v1/%5c..%5cadmin",
    "/v1/a//b",
    "/v1\\..\\admin",
    "/v1/%252e%252e/admin",
    "/v1/a%00b",
    "/v1/a%0d%0aX-Injected:1",
    "/v1/a\r\nHost: evil",
    "/v1/#/../admin",
    "/v1/?a=b#c",
    "/v10/",
    "/v1.evil.example.com/",
    "@evil.example.com/v1/",
    ":443@evil.example.com/v1/",
    ".evil.example.com/v1/",
    "https://evil.example.com/v1/",
    "/admin",
    "",
    "/",
    "/v1/\u2024\u2024/admin",
    "/v1/%c0%ae%c0%ae/admin",
  ];
  test.for(paths)("%s is refused when it is submitted", async (path) => {
    const task = { type: "http.request", input: { service: "shop", method: "GET", path } };
    const reply = await client.send("POST", "/v1/tasks", { body: task });
    const { errors, ...problem } = reply.problem();
    expect(problem).toMatchObject({ status: 422, code: "invalid-request" });
    expect(errors?.map(({ pointer }) => pointer)).toEqual(["#/input/path"]);
  });
});

describe("a redirect leads nowhere that the URL could not have led", () => {
  const targets = [
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "http://[::ffff:169.254.169.254]/",
    "//100.64.0.1/",
  ];
  const tasks = {
    "report.generate": (csvUrl: string) => ({ csvUrl, groupBy: "a", aggregate: { b: "sum" } }),
    "links.check": (url: string) => ({ urls: [url] }),
  };

  test("neither from a file nor from a link", async ({ client: lax, receiver, stack }) => {
    for (const target of [
      ...targets,
      `${stack.gateway.url}/healthz`,
      stack.backing.redis.url,
      stack.backing.qstash.url,
    ]) {
      const inbox = receiver.open([{ status: 302, headers: { location: target } }]);
      const report = await lax.submit({
        type: "report.generate",
        input: tasks["report.generate"](inbox.url),
        retries: 0,
      });
      const check = await lax.submit({
        type: "links.check",
        input: tasks["links.check"](inbox.url),
        retries: 0,
      });
      expect(await lax.ended(report.id), target).toMatchObject({
        status: "failed",
        error: { code: "csv-unavailable" },
      });
      const { result } = await lax.ended(check.id);
      expect(result, target).toMatchObject({
        ok: 0,
        broken: [{ url: inbox.url, error: expect.stringMatching(/unsafe|redirect/) }],
      });
    }
  });

  test("and a callback follows none at all", async ({ client: lax, receiver }) => {
    const never = receiver.open();
    const inbox = receiver.open([{ status: 307, headers: { location: never.url } }]);
    const { id } = await lax.submit({ type: "diagnostics.echo", input: 1, callbackUrl: inbox.url });
    const { status, attempts } = await lax.settled(id);
    expect([status, attempts.map(({ error }) => error?.code)]).toEqual(["dead", Array(4).fill("redirect")]);
    expect(never.received).toEqual([]);
  });

  test("nor round in a circle for ever", async ({ client: lax, receiver }) => {
    const inbox = receiver.open((request) => ({ status: 302, headers: { location: request.path } }));
    const { id } = await lax.submit({
      type: "links.check",
      input: tasks["links.check"](inbox.url),
      retries: 0,
    });
    expect((await lax.ended(id)).result).toMatchObject({ ok: 0 });
    expect(inbox.received.length).toBeLessThan(8);
  });
});
