import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import * as z from "zod";
import { startBrowser } from "../support/browser.ts";
import { type Client, newProject } from "../support/client.ts";
import { bringAbout, codeOf, ENDINGS, EVERY_ENDING } from "../support/endings.ts";
import { type Gateway, startGateway } from "../support/stack.ts";

// A page of another origin in a real browser: its own `fetch` and `EventSource`, and a token in place of a key.

let browser: Browser;
let site: Server;
let gateway: Gateway;
let client: Client;
/** The origin that the gateway lets in, and one that it does not. */
let origins: { readonly known: string; readonly stranger: string };

beforeAll(async () => {
  site = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>A page</title>");
  });
  site.listen(0);
  await once(site, "listening");
  const address = z.object({ port: z.int() }).parse(site.address());
  origins = {
    known: `http://127.0.0.1:${address.port}`,
    stranger: `http://localhost:${address.port}`,
  };
  const { runtime, backing } = inject("stack");
  gateway = await startGateway(runtime, backing, { env: { RINGBACK_CORS_ORIGINS: origins.known } });
  client = await newProject(gateway, `e2e-${crypto.randomUUID()}`);
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  await gateway?.running.stop();
  site?.close();
});

async function onPage<Seen>(origin: string, use: (page: Page) => Promise<Seen>): Promise<Seen> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(origin);
    return await use(page);
  } finally {
    await context.close();
  }
}

const browserToken = z.object({
  token: z.string(),
  links: z.object({ self: z.url(), operation: z.url(), result: z.url(), events: z.url() }),
});

async function tokenFor(id: string) {
  const made = await client.send("POST", `/v1/tasks/${id}/token`, { body: { expiresIn: "10m" } });
  return browserToken.parse(made.json());
}

/** Runs in the page: polls an address while it is 202, as `fetch` alone can. */
async function poll({ url, token }: { url: string; token: string }) {
  for (let next = url; ; ) {
    const response = await fetch(next, { headers: { authorization: `Bearer ${token}`, prefer: "wait=2" } });
    if (response.status !== 202) {
      const { headers } = response;
      const read = { etag: headers.get("etag"), requestId: headers.get("x-request-id") };
      return { status: response.status, body: (await response.json()) as unknown, read };
    }
    next = response.headers.get("location") ?? "";
  }
}

/** Runs in the page: every event until the browser gives the stream up for good. */
function follow({ url, types }: { url: string; types: readonly string[] }) {
  const source = new EventSource(url);
  const seen: string[] = [];
  for (const type of types) source.addEventListener(type, () => seen.push(type));
  return new Promise<readonly string[]>((done) => {
    source.addEventListener("error", () => {
      if (source.readyState === source.CLOSED) done(seen);
    });
  });
}

describe("a page of an allowed origin, with a token of the task", () => {
  for (const ending of EVERY_ENDING) {
    test(`sees a task that is ${ending}, by fetch and by EventSource`, async () => {
      const { id } = await client.submit(ENDINGS[ending]);
      const { token, links } = await tokenFor(id);
      const bare = new URL(links.result);
      bare.search = "";
      const seen = await onPage(origins.known, async (page) => {
        const types = ["task.created", "task.started", ...EVERY_ENDING.map((one) => `task.${one}`)];
        const [polled, followed] = await Promise.all([
          page.evaluate(poll, { url: bare.href, token }),
          page.evaluate(follow, { url: links.events, types }),
          bringAbout(ending, client, id),
        ]);
        const operation = await page.evaluate(async (url) => (await fetch(url)).json(), links.operation);
        const task = await page.evaluate(async (url) => (await fetch(url)).json(), links.self);
        return { polled, followed, operation, task };
      });
      expect(seen.polled).toMatchObject(
        ending === "succeeded"
          ? { status: 200, body: ENDINGS.succeeded.input }
          : { status: 409, body: { taskStatus: ending, error: { code: codeOf(ending) } } },
      );
      expect(seen.polled.read.requestId).toBeTruthy();
      expect(seen.followed[0]).toBe("task.created");
      expect(seen.followed.at(-1)).toBe(`task.${ending}`);
      expect(new Set(seen.followed).size).toBe(seen.followed.length);
      const status = { succeeded: "Succeeded", failed: "Failed", canceled: "Canceled", expired: "Failed" };
      expect(seen.operation).toMatchObject({ id, status: status[ending] });
      expect(seen.task).toMatchObject({ id, status: ending, done: true });
    });
  }

  test("may send every header of ours, read where the task is, and read refusals", async () => {
    const { authorization, url } = client;
    const seen = await onPage(origins.known, (page) =>
      page.evaluate(
        async ({ authorization, url }) => {
          const headers = {
            authorization,
            "content-type": "application/json",
            "idempotency-key": "from-a-page",
            prefer: "respond-async",
            "if-none-match": '"x"',
            "last-event-id": "1",
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
          };
          const body = JSON.stringify({ type: "diagnostics.echo", input: 1 });
          const accepted = await fetch(`${url}/v1/tasks`, { method: "POST", headers, body });
          const names = ["location", "operation-location", "content-location", "retry-after", "ratelimit"];
          const refused = await fetch(`${url}/v1/tasks`, { method: "POST", headers, body: "{" });
          const missing = await fetch(`${url}/nothing`);
          return {
            status: accepted.status,
            read: names.map((name) => accepted.headers.get(name)),
            refused: ((await refused.json()) as { code: string }).code,
            missing: ((await missing.json()) as { code: string }).code,
          };
        },
        { authorization, url },
      ),
    );
    expect(seen).toMatchObject({ status: 202, refused: "malformed-json", missing: "not-found" });
    expect(seen.read).not.toContain(null);
  });
});

test("a page of another origin reads nothing, but follows a stream that its token opens", async () => {
  const { id } = await client.submit(ENDINGS.succeeded);
  const { token, links } = await tokenFor(id);
  await client.ended(id);
  const seen = await onPage(origins.stranger, async (page) => {
    const read = (url: string, headers: Record<string, string>) =>
      page.evaluate(
        ({ url, headers }) =>
          fetch(url, { headers }).then(
            () => "read",
            (error: Error) => error.name,
          ),
        { url, headers },
      );
    return {
      simple: await read(links.result, {}),
      preflighted: await read(links.result.replace(/\?.*/, ""), { authorization: `Bearer ${token}` }),
      followed: await page.evaluate(follow, { url: links.events, types: ["task.succeeded"] }),
    };
  });
  expect(seen).toEqual({ simple: "TypeError", preflighted: "TypeError", followed: ["task.succeeded"] });
});
