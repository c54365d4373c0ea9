import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bench, clientFor, ManualClock, startBench, until } from "./qstash-harness.ts";

const MINUTE = 60_000;

describe("the rest of the API", () => {
  const clock = new ManualClock();
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ clock, plan: { maxMessageSize: 1_000, maxBatchSize: 5_000, schedules: 4 } });
  });
  afterAll(() => bench.stop());

  /** A request as a client other than the SDK makes it. */
  async function call(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
    const authorization = { Authorization: `Bearer ${bench.server.token}` };
    const init = {
      method,
      headers: { ...authorization, ...headers },
      ...(body === undefined ? {} : { body }),
    };
    const response = await fetch(bench.server.url + path, init);
    return { status: response.status, json: await response.json() };
  }

  test("a schedule publishes each time its cron expression says so", async () => {
    const destination = bench.destination.url("schedule");
    const { schedules } = bench.client;
    const { scheduleId } = await schedules.create({
      destination,
      cron: "*/5 * * * *",
      scheduleId: "every-5",
      body: '{"tick":1}',
      headers: { "Content-Type": "application/json", "X-Tick": "yes" },
      retries: 1,
      label: "ticks",
    });
    expect(scheduleId).toBe("every-5");
    const next = (Math.floor(clock.now() / (5 * MINUTE)) + 1) * 5 * MINUTE;
    expect(await schedules.get(scheduleId)).toMatchObject({
      scheduleId,
      cron: "*/5 * * * *",
      destination,
      createdAt: clock.now(),
      method: "POST",
      body: '{"tick":1}',
      header: { "Content-Type": ["application/json"], "X-Tick": ["yes"] },
      retries: 1,
      isPaused: false,
      nextScheduleTime: next,
      labels: ["ticks"],
    });
    clock.advance(next - clock.now() - 1);
    expect(bench.destination.got("schedule")).toEqual([]);
    clock.advance(1);
    const [got] = await bench.destination.wait("schedule");
    expect(got?.headers).toMatchObject({ "upstash-schedule-id": scheduleId, "x-tick": "yes" });
    expect(got?.body.toString()).toBe('{"tick":1}');
    const messageId = got?.headers["upstash-message-id"] ?? "";
    await until(async () => {
      const { lastScheduleTime, lastScheduleStates } = await schedules.get(scheduleId);
      return lastScheduleTime === next && lastScheduleStates?.[messageId] === "SUCCESS" ? true : undefined;
    });

    await schedules.pause({ schedule: scheduleId });
    expect((await schedules.get(scheduleId)).isPaused).toBe(true);
    clock.advance(10 * MINUTE);
    await schedules.resume({ schedule: scheduleId });
    clock.advance(5 * MINUTE);
    await bench.destination.wait("schedule", 2);
    await schedules.delete(scheduleId);
    await expect(schedules.get(scheduleId)).rejects.toMatchObject({ status: 404 });
    clock.advance(30 * MINUTE);
    const { messageId: last } = await bench.client.publish({ url: bench.destination.url("after-schedule") });
    await bench.logs(last, "DELIVERED");
    expect(bench.destination.got("schedule").length).toBe(2);
  });

  test("a schedule without a body calls its destination with an empty one", async () => {
    const destination = bench.destination.url("bare");
    const { scheduleId } = await bench.client.schedules.create({ destination, cron: "* * * * *" });
    clock.advance(MINUTE);
    const [got] = await bench.destination.wait("bare");
    expect([got?.method, got?.body.length]).toEqual(["POST", 0]);
    // The SDK declares JSON even where it sends nothing.
    expect(got?.headers).toMatchObject({ "content-length": "0", "content-type": "application/json" });
    const signature = got?.headers["upstash-signature"] ?? "";
    expect(await bench.receiver.verify({ signature, body: "", url: destination })).toBe(true);
    await bench.client.schedules.delete(scheduleId);
  });

  test("a schedule's cron may name a time zone; what makes no sense is 400, too many are 412", async () => {
    const { schedules } = bench.client;
    const destination = bench.destination.url("zone");
    const cron = "CRON_TZ=Asia/Tokyo 30 9 * * *";
    const { scheduleId } = await schedules.create({ destination, cron });
    const { nextScheduleTime } = await schedules.get(scheduleId);
    expect(new Date(nextScheduleTime ?? 0).toISOString()).toMatch(/T00:30:00.000Z$/);
    for (const bad of ["* * *", "99 * * * *", "CRON_TZ=No/Where * * * * *", "* * * * * *"]) {
      await expect(schedules.create({ destination, cron: bad })).rejects.toMatchObject({ status: 400 });
    }
    await expect(schedules.create({ destination, cron, scheduleId: "a b" })).rejects.toMatchObject({
      status: 400,
    });
    for (const id of ["s2", "s3", "s4"]) await schedules.create({ destination, cron, scheduleId: id });
    await expect(schedules.create({ destination, cron, scheduleId: "s5" })).rejects.toMatchObject({
      status: 412,
    });
    // Making one again under its id replaces it.
    await schedules.create({ destination, cron: "0 0 * * *", scheduleId: "s4" });
    const list = await schedules.list();
    expect(list.length).toBe(4);
    expect(list.find((schedule) => schedule.scheduleId === "s4")?.cron).toBe("0 0 * * *");
    expect((await call("POST", "/v2/schedules/s4/pause")).status).toBe(200);
    expect((await schedules.get("s4")).isPaused).toBe(true);
  });

  test("without the token nothing is answered", async () => {
    const stranger = clientFor({ url: bench.server.url, token: "wrong" });
    await expect(stranger.publish({ url: bench.destination.url("never") })).rejects.toMatchObject({
      status: 401,
    });
    await expect(stranger.logs()).rejects.toMatchObject({ status: 401 });
    expect((await call("GET", "/v2/keys", { Authorization: "Bearer x" })).json).toEqual({
      error: expect.any(String),
    });
    expect(bench.destination.got("never")).toEqual([]);
  });

  test("token and settings may come in the query, and don't reach the destination", async () => {
    const query = `qstash_token=${encodeURIComponent(bench.server.token)}&a=1&upstash-method=PUT&b=%20&upstash-forward-x-q=2`;
    const response = await fetch(
      `${bench.server.url}/v2/publish/${bench.destination.url("query")}?${query}`,
      {
        method: "POST",
        headers: { "X-Hook": "1" },
      },
    );
    expect(response.status).toBe(200);
    const [got] = await bench.destination.wait("query");
    expect(got).toMatchObject({ path: "/query?a=1&b=%20", method: "PUT" });
    expect(got?.headers).toMatchObject({ "x-q": "2" });
    expect(got?.headers).not.toHaveProperty("x-hook");
  });

  test("refusals have the service's status and shape", async () => {
    const url = bench.destination.url("refused");
    const cases: [Record<string, string>, number, string | RegExp][] = [
      [{ "Upstash-Deduplication-Id": "a:b" }, 400, "DeduplicationId cannot contain ':'"],
      [{ "Upstash-Method": "TRACE" }, 400, /method/],
      [{ "Upstash-Delay": "soon" }, 400, /delay/],
      [{ "Upstash-Retries": "-1" }, 400, /retries/],
      [{ "Upstash-Timeout": "long" }, 400, /timeout/],
      [{ "Upstash-Delay": "400d" }, 412, /delay/],
    ];
    for (const [headers, status, message] of cases) {
      const expected = typeof message === "string" ? message : expect.stringMatching(message);
      expect(await call("POST", `/v2/publish/${url}`, headers)).toEqual({
        status,
        json: { error: expected },
      });
    }
    expect((await call("POST", "/v2/publish/nowhere")).json).toEqual({
      error: "invalid destination url: endpoint has invalid scheme, add http:// or https://",
    });
    expect((await call("POST", `/v2/publish/${url}`, {}, "x".repeat(1_001))).status).toBe(412);
    expect((await call("POST", "/v2/batch", {}, "x".repeat(5_001))).status).toBe(412);
    expect((await call("POST", "/v2/batch", {}, "{}")).status).toBe(400);
    expect((await call("POST", "/v2/batch", {}, "{")).status).toBe(400);
    expect((await call("GET", "/v2/nothing")).status).toBe(404);
    expect((await call("PUT", "/v2/dlq")).status).toBe(404);
    expect(bench.destination.got("refused")).toEqual([]);
  });

  test("an encoded destination is understood", async () => {
    const url = bench.destination.url("encoded");
    expect((await call("POST", `/v2/publish/${encodeURIComponent(`${url}/x?y=1`)}`)).status).toBe(200);
    const [got] = await bench.destination.wait("encoded");
    expect(got?.path).toBe("/encoded/x?y=1");
  });

  test("what this stand-in leaves out is refused by name, and never ignored", async () => {
    const url = bench.destination.url("left-out");
    const left: [string, () => Promise<unknown>, number][] = [
      ["a queue", () => bench.client.queue({ queueName: "q" }).enqueue({ url }), 404],
      ["a queue's settings", () => bench.client.queue({ queueName: "q" }).upsert({ parallelism: 2 }), 404],
      ["the list of queues", () => bench.client.queue().list(), 404],
      ["a URL group", () => bench.client.publish({ urlGroup: "group" }), 400],
      [
        "its endpoints",
        () => bench.client.urlGroups.addEndpoints({ name: "group", endpoints: [{ url }] }),
        404,
      ],
      [
        "a schedule of a queue",
        () => bench.client.schedules.create({ destination: url, cron: "* * * * *", queueName: "q" }),
        400,
      ],
      ["pinned limits", () => bench.client.flowControl.pin("key", { parallelism: 1 }), 404],
      ["a log by label", () => bench.client.logs({ filter: { label: "x" } }), 400],
      ["a log by state", () => bench.client.logs({ filter: { state: "ERROR" } }), 400],
      ["a cancel by queue", () => bench.client.messages.cancel({ filter: { queueName: "q" } }), 400],
      [
        "all headers",
        () => bench.client.publish({ url, headers: { "Upstash-Header-Forward": "true" } }),
        400,
      ],
    ];
    for (const [what, answer, status] of left) {
      await expect(answer(), what).rejects.toMatchObject({
        status,
        message: expect.stringContaining("error"),
      });
    }
    const batch: unknown = await bench.client.batch([
      { url, queueName: "q" },
      { url, body: "kept" },
    ]);
    expect(batch).toEqual([
      { error: expect.stringContaining("upstash-queue-name") },
      { messageId: expect.any(String) },
    ]);
    await bench.destination.wait("left-out");
    expect(bench.destination.got("left-out").map(({ body }) => body.toString())).toEqual(["kept"]);
  });

  test("a batch's headers may hold any text, but nothing that no header can", async () => {
    const url = bench.destination.url("header");
    const headers = ["Zoë ✓", "a\r\nX-Other: b"].map((value) => ({ "Upstash-Forward-X-Name": value }));
    const entries = headers.map((entry) => ({ destination: url, headers: entry }));
    const [fine, broken] = (await call("POST", "/v2/batch", {}, JSON.stringify(entries))).json;
    expect(fine).toEqual({ messageId: expect.any(String) });
    expect(broken).toEqual({ error: expect.stringContaining("header") });
    const [got] = await bench.destination.wait("header");
    expect(Buffer.from(got?.headers["x-name"] ?? "", "latin1").toString("utf8")).toBe("Zoë ✓");
  });

  test("a duplicate is answered 202", async () => {
    const path = `/v2/publish/${bench.destination.url("twice")}`;
    const headers = { "Upstash-Deduplication-Id": "twice" };
    const first = await call("POST", path, headers);
    expect(first.status).toBe(200);
    expect(await call("POST", path, headers)).toEqual({
      status: 202,
      json: { ...first.json, deduplicated: true },
    });
  });

  test("after a rotation the next key signs, and a receiver that knows both goes on", async () => {
    const before = (await call("GET", "/v2/keys")).json;
    expect(before).toEqual({ current: bench.server.currentSigningKey, next: bench.server.nextSigningKey });
    const after = (await call("POST", "/v2/keys/rotate")).json;
    expect(after).toEqual({ current: before.next, next: expect.stringMatching(/^sig_/) });
    expect((await call("GET", "/v2/keys")).json).toEqual(after);
    await bench.client.publish({ url: bench.destination.url("rotated"), body: "x" });
    const [got] = await bench.destination.wait("rotated");
    expect(
      await bench.receiver.verify({ signature: got?.headers["upstash-signature"] ?? "", body: "x" }),
    ).toBe(true);
  });
});
