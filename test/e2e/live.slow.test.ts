import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished } from "vitest";
import * as z from "zod";
import { type Client, eventually, newProject } from "../support/client.ts";
import { timelineItem } from "../support/contract.ts";
import { events, follow } from "../support/events.ts";
import { type FaultyGateway, startFaulty } from "../support/faulty-gateway.ts";
import { test } from "../support/fixture.ts";
import { sendAndLeave } from "../support/leaving.ts";
import { QUICK } from "../support/shared-stack.ts";
import { startGateway } from "../support/stack.ts";

const lasting = (sleepMs: number) => ({ type: "diagnostics.flaky", input: { failures: 0, sleepMs } });
const scheduled = { type: "diagnostics.echo", input: 1, delay: "10m" };
const WAY = ["task.created", "task.started", "task.succeeded"];

/** The address of a CSV that comes in pieces, one a second. */
async function slowCsv(pieces: number): Promise<string> {
  const server = createServer(async (_request, response) => {
    response.writeHead(200, { "content-type": "text/csv" });
    response.write("region,amount\n");
    for (let n = 0; n < pieces; n++) {
      response.write("north,1\n".repeat(1_000));
      await sleep(1_000);
    }
    response.end();
  });
  onTestFinished(() => {
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a TCP server has no other address
  return `http://127.0.0.1:${port}/slow.csv`;
}

const madeToken = z.object({ token: z.string(), url: z.url(), expiresAt: z.iso.datetime() });
async function tokenFor(client: Client, id: string): Promise<z.infer<typeof madeToken>> {
  const reply = await client.send("POST", `/v1/tasks/${id}/events-token`);
  expect(reply.status).toBe(201);
  expect(reply.headers.get("cache-control")).toBe("no-store");
  return madeToken.parse(reply.json());
}

describe("GET /v1/tasks/{id}/events with Accept: text/event-stream", () => {
  test("each timeline entry is an event as it happens, and the stream ends after the last", async ({
    client,
  }) => {
    const { id } = await client.submit({ ...lasting(1_500), delay: "1s" });
    const stream = await follow(client, id);
    expect(stream.response.status).toBe(200);
    expect(stream.response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(stream.response.headers.get("cache-control")).toBe("no-store");
    expect(stream.response.headers.get("vary")).toContain("Accept");
    expect(stream.response.headers.get("access-control-allow-origin")).toBeNull();
    const seen = await stream.rest();
    expect(seen.text).toMatch(/^retry: \d+\n\n/);
    expect(seen.events.map(({ event }) => event)).toEqual(WAY);
    expect(seen.events.map((one) => one.id)).toEqual(["1", "2", "3"]);
    const items = seen.events.map(({ data }) => timelineItem.parse(JSON.parse(data)));
    expect(items).toEqual(await client.timeline(id));
    // Each came when it happened: the first well before the last.
    expect((seen.events[2]?.at ?? 0) - (seen.events[0]?.at ?? 0)).toBeGreaterThan(1_000);
  });

  test("of a task that has ended the whole timeline at once; with all of it told already, 204", async ({
    client,
  }) => {
    const { id } = await client.submit(lasting(1));
    await client.ended(id);
    const stream = await follow(client, id);
    expect((await stream.rest()).events.map(({ event }) => event)).toEqual(WAY);
    for (const headers of [{ "last-event-id": "3" }, undefined]) {
      const path = headers ? "" : "?lastEventId=3";
      const again = await follow(client, id, { path, ...(headers && { headers }) });
      expect(again.response.status).toBe(204);
      expect((await again.rest()).text).toBe("");
    }
  });

  test("Last-Event-ID and ?lastEventId= go on after that entry; what is none begins anew", async ({
    client,
  }) => {
    const { id } = await client.submit(lasting(1));
    await client.ended(id);
    const idsAfter = async (path: string, lastEventId?: string): Promise<unknown> => {
      const headers = lastEventId === undefined ? undefined : { "last-event-id": lastEventId };
      const stream = await follow(client, id, { path, ...(headers && { headers }) });
      return (await stream.rest()).events.map((one) => one.id);
    };
    expect(await idsAfter("", "1")).toEqual(["2", "3"]);
    expect(await idsAfter("?lastEventId=2")).toEqual(["3"]);
    expect(await idsAfter("?lastEventId=1", "2")).toEqual(["3"]); // the header is the newer one
    for (const none of ["0", "99", "-1", "x", ""]) expect(await idsAfter("", none)).toEqual(["1", "2", "3"]);
  });

  test("held no longer than asked, and followed over many streams no entry is lost or repeated", async ({
    client,
  }) => {
    const { id } = await client.submit({ ...lasting(3_000), delay: "1s" });
    const seen: string[] = [];
    let streams = 0;
    for (; streams < 20; streams++) {
      const headers: Record<string, string> = { prefer: "wait=1", "last-event-id": seen.at(-1) ?? "" };
      const stream = await follow(client, id, { headers });
      if (stream.response.status === 204) break;
      seen.push(...(await stream.rest()).events.map((one) => one.id ?? ""));
    }
    expect(seen).toEqual(["1", "2", "3"]);
    // One stream would have lasted until the task's end.
    expect(streams).toBeGreaterThanOrEqual(2);
  });

  test("progress comes live, without an id, the newest of what was said", async ({ client }) => {
    const csvUrl = await slowCsv(4);
    const { id } = await client.submit({
      type: "report.generate",
      input: { csvUrl, groupBy: "region", aggregate: { amount: "sum" } },
    });
    const seen = await (await follow(client, id)).rest();
    const told = seen.events.filter(({ event }) => event === "task.progress");
    expect(told.length).toBeGreaterThanOrEqual(2);
    for (const one of told) {
      expect(one.id).toBeUndefined();
      expect(JSON.parse(one.data)).toMatchObject({
        run: 1,
        attempt: 1,
        message: expect.stringContaining("bytes read"),
      });
    }
    expect(new Set(told.map(({ data }) => data)).size).toBe(told.length);
    expect(seen.events.filter((one) => one.id !== undefined).map(({ event }) => event)).toEqual(WAY);
  });

  test("JSON for whom does not ask for a stream; 404 for what is not there; 401 without a key", async ({
    client,
  }) => {
    const { id } = await client.submit(scheduled);
    for (const accept of [
      "*/*",
      "application/json",
      "text/html, */*",
      "application/json, text/event-stream;q=0.5",
    ]) {
      const reply = await client.send("GET", `/v1/tasks/${id}/events`, { headers: { accept } });
      expect(reply.json()).toMatchObject({ data: [{ sequence: 1, type: "task.created" }] });
      expect(reply.headers.get("etag")).toBeTruthy();
    }
    const stream = { accept: "text/event-stream" };
    const missing = id.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    expect(
      (await client.send("GET", `/v1/tasks/${missing}/events`, { headers: stream })).problem().code,
    ).toBe("not-found");
    const headers = { ...stream, authorization: "Bearer rb_no" };
    expect((await client.send("GET", `/v1/tasks/${id}/events`, { headers })).problem().status).toBe(401);
  });
});

describe("POST /v1/tasks/{id}/events-token", () => {
  test("opens this task's stream, from any origin and without a key", async ({ client }) => {
    const { id } = await client.submit(lasting(500));
    const { url, expiresAt } = await tokenFor(client, id);
    const life = Date.parse(expiresAt) - Date.now();
    expect(life).toBeGreaterThan(60_000);
    expect(life).toBeLessThanOrEqual(300_000);
    const open = (address: string): Promise<Response> =>
      fetch(address, { headers: { accept: "text/event-stream", origin: "https://shop.example" } });
    const response = await open(url);
    expect(response.status).toBe(200);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    expect(events(await response.text()).map(({ event }) => event)).toEqual(WAY);
    const over = await open(`${url}&lastEventId=3`);
    expect(over.status).toBe(204);
    expect(over.headers.get("access-control-allow-origin")).toBe("*");
  });

  test("opens nothing else, and no forged one opens anything; a browser may read the refusal", async ({
    client,
  }) => {
    const { id } = await client.submit(scheduled);
    const other = await client.submit(scheduled);
    const { token } = await tokenFor(client, id);
    const bare = { url: client.url };
    const asked = [
      `/v1/tasks/${other.id}/events?token=${token}`,
      `/v1/tasks/${id}/result?token=${token}`,
      `/v1/tasks/${id}/events?token=${token.slice(0, -2)}AA`,
      `/v1/tasks/${id}/events?token=rbr_${token.slice(4)}`,
      `/v1/tasks/${id}/events?token=`,
    ];
    for (const path of asked) {
      const response = await fetch(bare.url + path, { headers: { accept: "text/event-stream" } });
      expect(response.status, path).toBeGreaterThanOrEqual(400);
      expect(response.status, path).toBeLessThan(402);
      if (path.includes("/events")) expect(response.headers.get("access-control-allow-origin")).toBe("*");
      await response.body?.cancel();
    }
    const unseen = await client.send("POST", "/v1/tasks/task_01jdn1k2m3e4f5g6h7j8k9m0n1/events-token");
    expect(unseen.problem().code).toBe("not-found");
  });
});

describe("what a stream costs and where it ends", { concurrent: false }, () => {
  let faulty: FaultyGateway;
  beforeAll(async () => {
    faulty = await startFaulty(inject("stack").runtime, inject("stack").backing);
  });
  afterAll(() => faulty?.stop());

  test("a silent one sends a comment every 15 seconds, and costs 3 Redis requests", async () => {
    const { id } = await faulty.client.submit(scheduled);
    // Of this stream: the gateway's own questions (version, sweep) name no task.
    const ofTask = () =>
      faulty.redis.passed.filter(({ path, body }) => `${path} ${body}`.includes(id)).length;
    const before = ofTask();
    const stream = await follow(faulty.client, id, { headers: { prefer: "wait=17" } });
    const { text, events: told } = await stream.rest();
    expect(told.map(({ event }) => event)).toEqual(["task.created"]);
    expect(text.match(/^:/gm)).toHaveLength(1);
    expect(ofTask() - before).toBeLessThanOrEqual(4);
  });

  test("without Redis' event stream it looks again and again, and loses nothing", async () => {
    faulty.redis.faults = { request: ({ path }) => (path.startsWith("/subscribe/") ? "cut" : "pass") };
    const { id } = await faulty.client.submit(lasting(2_000));
    const seen = await (await follow(faulty.client, id)).rest();
    faulty.redis.faults = {};
    expect(seen.events.map(({ event }) => event)).toEqual(WAY);
  });

  test("when Redis goes away the stream ends, and the client goes on from there", async () => {
    const { id } = await faulty.client.submit(lasting(3_000));
    const stream = await follow(faulty.client, id);
    await eventually(() => expect(faulty.redis.streams.size).toBe(1));
    await sleep(500);
    faulty.redis.faults = {
      request: ({ path }) => (/^\/subscribe\//.test(path) ? "pass" : { status: 503, body: "{}" }),
    };
    for (const open of faulty.redis.streams) open.destroy();
    const first = await stream.rest();
    faulty.redis.faults = {};
    const last = first.events.at(-1)?.id ?? "";
    const second = await (await follow(faulty.client, id, { headers: { "last-event-id": last } })).rest();
    const ids = [...first.events, ...second.events].map((one) => Number(one.id));
    expect(ids).toEqual(ids.map((_, index) => index + 1));
    expect(second.events.at(-1)?.event).toMatch(/^task\.(succeeded|failed|retrying)$/);
  });

  if (inject("stack").runtime === "deno") {
    test("ends when its process is told to stop, and does not hold up the stop", async () => {
      const gateway = await startGateway("deno", inject("stack").backing, { env: QUICK });
      const client = await newProject(gateway, `e2e-${crypto.randomUUID()}`);
      const { id } = await client.submit(scheduled);
      const stream = await follow(client, id);
      const whole = stream.rest(); // fails when the connection is cut
      await gateway.running.stop(); // kills what is left after 5 seconds
      expect((await whole).events.map(({ event }) => event)).toEqual(["task.created"]);
    });
  }

  test("when the client goes away, Redis' event stream is closed and nothing is asked any more", async () => {
    const { id } = await faulty.client.submit(scheduled);
    const client = sendAndLeave(`${faulty.gateway.url}/v1/tasks/${id}/events`, {
      method: "GET",
      headers: { accept: "text/event-stream", authorization: faulty.client.authorization },
    });
    await eventually(() => {
      expect(client.received()).toContain("task.created");
      expect(faulty.redis.streams.size).toBe(1);
    });
    await faulty.redis.quiet();
    const before = faulty.redis.passed.length;
    client.leave();
    await eventually(() => expect(faulty.redis.streams.size).toBe(0), { timeoutMs: 5_000 });
    await sleep(1_000);
    expect(faulty.redis.passed.length).toBe(before);
  });
});
