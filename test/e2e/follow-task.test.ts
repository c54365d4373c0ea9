import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Client, eventually, newProject } from "../support/client.ts";
import { documentedEvents } from "../support/log-events.ts";
import { type ExportedSpan, OtlpReceiver } from "../support/otlp.ts";
import { Receiver } from "../support/receiver.ts";
import { QUICK } from "../support/shared-stack.ts";
import { type Backing, type Gateway, startBacking, startGateway } from "../support/stack.ts";
import { Upstream } from "../support/upstream.ts";

// One task is followed through the log, the requests that it causes and, on Deno, the spans that are exported.

const { runtime, redisKind } = inject("stack");
const CLIENT = { trace: "4bf92f3577b34da6a3ce929d0e0e4736", span: "00f067aa0ba902b7" };
const traceparent = `00-${CLIENT.trace}-${CLIENT.span}-01`;

let backing: Backing & { stop(): Promise<void> };
let otlp: OtlpReceiver;
let upstream: Upstream;
let receiver: Receiver;
let gateway: Gateway;
let client: Client;
beforeAll(async () => {
  backing = await startBacking(redisKind);
  otlp = await OtlpReceiver.start();
  upstream = await Upstream.start();
  receiver = await Receiver.start();
  gateway = await startGateway(runtime, backing, {
    env: {
      ...QUICK,
      RINGBACK_SERVICES: JSON.stringify([{ name: "shop", baseUrl: upstream.url, paths: ["/"], retries: 0 }]),
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_DENO_CONSOLE: "ignore",
      OTEL_METRICS_EXPORTER: "none",
      OTEL_BSP_SCHEDULE_DELAY: "100",
    },
  });
  client = await newProject(gateway, "follow-task");
});
afterAll(async () => {
  await gateway?.running.stop();
  await Promise.all([otlp?.stop(), upstream?.stop(), receiver?.stop()]);
  await backing?.stop();
});

type Line = Readonly<Record<string, unknown>> & { readonly event: string };

/** The lines of the log that name this task. */
function linesOf(task: string): Line[] {
  return gateway.running
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{") && line.includes(task))
    .map((line): Line => JSON.parse(line));
}

function eventsOf(task: string): string[] {
  return linesOf(task).map(({ event }) => event);
}

/** The parts of a `traceparent`; fails for more than one. */
function partsOf(header: string | undefined): { readonly trace: string; readonly span: string } {
  const [, trace = "", span = ""] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(header ?? "") ?? [];
  expect(trace, `one traceparent: ${header}`).not.toBe("");
  return { trace, span };
}

describe("the log of a task", () => {
  test("has a line for each step, with project, task, run, attempt, request and trace", async () => {
    const inbox = receiver.open([{ status: 503 }, {}]);
    const { id } = await client.submit(
      { type: "diagnostics.flaky", input: { failures: 1 }, callbackUrl: inbox.url },
      { traceparent },
    );
    await inbox.wait(2, 30_000);
    await eventually(() =>
      expect(eventsOf(id).filter((one) => one === "delivery-attempted")).toHaveLength(2),
    );
    const lines = linesOf(id);
    expect(lines.map(({ event }) => event)).toEqual([
      "task-submitted",
      "task-started",
      "task-retrying",
      "task-started",
      "task-succeeded",
      "delivery-attempted",
      "delivery-attempted",
    ]);
    for (const line of lines)
      expect(line).toMatchObject({
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        level: expect.any(String),
        project: expect.stringMatching(/^prj_/),
        task: id,
        attempt: expect.any(Number),
        requestId: expect.any(String),
        traceId: CLIENT.trace,
      });
    const [submitted, , retrying, , succeeded, failed, delivered] = lines;
    expect(submitted).toMatchObject({ level: "info", type: "diagnostics.flaky", run: 1, attempt: 0 });
    expect(retrying).toMatchObject({
      level: "warn",
      attempt: 1,
      code: "flaky",
      durationMs: expect.any(Number),
    });
    expect(succeeded).toMatchObject({
      attempt: 2,
      durationMs: expect.any(Number),
      totalMs: expect.any(Number),
    });
    const host = new URL(inbox.url).host;
    expect(failed).toMatchObject({ level: "warn", host, status: 503, code: "http-5xx", outcome: "retry" });
    expect(delivered).toMatchObject({ level: "info", host, status: 200, attempt: 2, outcome: "delivered" });
  });

  test("tells of every end, of a dead letter, a new run and an erasure", async () => {
    const inbox = receiver.open([{ status: 410 }]);
    const failing = await client.submit({
      type: "diagnostics.flaky",
      input: { failures: 9 },
      retries: 0,
      callbackUrl: inbox.url,
    });
    const canceled = await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    await client.send("POST", `/v1/tasks/${canceled.id}/cancel`);
    await client.send("POST", `/v1/tasks/${canceled.id}/replay`);
    await client.ended(canceled.id);
    await client.send("DELETE", `/v1/tasks/${canceled.id}`);
    await eventually(() => expect(eventsOf(canceled.id)).toContain("task-deleted"));
    await eventually(() => expect(eventsOf(failing.id)).toContain("delivery-dead"));
    expect(eventsOf(canceled.id)).toEqual(
      expect.arrayContaining(["task-submitted", "task-canceled", "task-replayed", "task-deleted"]),
    );
    expect(eventsOf(failing.id)).toEqual([
      "task-submitted",
      "task-started",
      "task-failed",
      "delivery-attempted",
      "delivery-dead",
    ]);
    expect(linesOf(failing.id).at(-1)).toMatchObject({ level: "warn", attempts: 1, code: "gone" });
  });

  test("has only fields that docs/operations/logs.md names", async () => {
    const documented = await documentedEvents();
    const inbox = receiver.open();
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl: inbox.url });
    await eventually(() => expect(eventsOf(id)).toContain("delivery-attempted"));
    const lines = gateway.running
      .output()
      .split("\n")
      .filter((line) => line.startsWith('{"time"'));
    expect(lines.length).toBeGreaterThan(3);
    for (const text of lines) {
      const line: Line = JSON.parse(text);
      expect(documented.get(line.event)?.fields, text).toEqual(expect.arrayContaining(Object.keys(line)));
    }
  });
});

describe("the trace of a task", () => {
  test("reaches the service and the callback, as one traceparent each", async () => {
    const place = upstream.open();
    const inbox = receiver.open();
    await client.submit(
      {
        type: "http.request",
        input: {
          service: "shop",
          path: place.path,
          method: "GET",
          headers: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` },
        },
        callbackUrl: inbox.url,
      },
      { traceparent, tracestate: "vendor=1" },
    );
    const [call] = await place.wait(1);
    const [callback] = await inbox.wait(1);
    for (const headers of [call?.headers, callback?.headers]) {
      expect(partsOf(headers?.["traceparent"]).trace).toBe(CLIENT.trace);
      expect(headers?.["tracestate"]).toBe("vendor=1");
    }
  });

  test("is the one among a service's headers where the submit has none", async () => {
    const place = upstream.open();
    const own = "a".repeat(32);
    const headers = { "Ringback-Forward-Traceparent": `00-${own}-${"b".repeat(16)}-01` };
    const input = { service: "shop", path: place.path, method: "GET", headers };
    await client.submit({ type: "http.request", input });
    const [call] = await place.wait(1);
    expect(partsOf(call?.headers["traceparent"]).trace).toBe(own);
  });

  test("is the task's own without one from the client: in the log, at the service and at the callback", async () => {
    const place = upstream.open();
    const inbox = receiver.open();
    const input = { service: "shop", path: place.path, method: "GET" };
    const { id } = await client.submit({ type: "http.request", input, callbackUrl: inbox.url });
    const [call] = await place.wait(1);
    const [callback] = await inbox.wait(1);
    await eventually(() => expect(eventsOf(id)).toContain("delivery-attempted"));
    const { trace } = partsOf(call?.headers["traceparent"]);
    expect(partsOf(callback?.headers["traceparent"]).trace).toBe(trace);
    expect(new Set(linesOf(id).map(({ traceId }) => traceId))).toEqual(new Set([trace]));
  });
});

/** The exported spans of a task, once there are so many. */
function spansOf(task: string, count: number): Promise<ExportedSpan[]> {
  return eventually(
    () => {
      const found = otlp.spans.filter(({ attributes }) =>
        attributes.some(({ key, value }) => key === "ringback.task.id" && value.stringValue === task),
      );
      if (found.length >= count) return found;
      throw new Error(`${found.length} of ${count} spans were exported`);
    },
    { timeoutMs: 30_000 },
  );
}

const named = (spans: readonly ExportedSpan[], name: string) => spans.filter((span) => span.name === name);

// Only Deno exports spans.
const spansOnDeno = () => {
  test("are one trace from the client's span; retries are linked, and each request names its own span", async () => {
    const inbox = receiver.open([{ status: 503 }, {}]);
    const { id } = await client.submit(
      { type: "diagnostics.flaky", input: { failures: 1 }, callbackUrl: inbox.url },
      { traceparent },
    );
    const requests = await inbox.wait(2, 30_000);
    const spans = await spansOf(id, 5);
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([CLIENT.trace]));
    const [submit] = named(spans, "submit task");
    const server = await eventually(() => {
      const found = otlp.spans.find(({ spanId }) => spanId === submit?.parentSpanId);
      if (!found) throw new Error("Deno's span of the request is not exported yet");
      return found;
    });
    expect(server).toMatchObject({ traceId: CLIENT.trace, parentSpanId: CLIENT.span });
    const [first, second] = named(spans, "attempt diagnostics.flaky");
    expect([first?.parentSpanId, second?.parentSpanId]).toEqual([submit?.spanId, submit?.spanId]);
    expect(first?.links).toEqual([]);
    expect(second?.links).toMatchObject([{ traceId: CLIENT.trace, spanId: first?.spanId }]);
    expect(first?.status).toMatchObject({ code: 2, message: "flaky" });
    const [failed, delivered] = named(spans, "deliver task.succeeded");
    expect(failed?.parentSpanId).toBe(second?.spanId);
    expect(delivered?.links).toMatchObject([{ spanId: failed?.spanId }]);
    expect(requests.map(({ headers }) => partsOf(headers["traceparent"]).span)).toEqual([
      failed?.spanId,
      delivered?.spanId,
    ]);
  });

  test("have the call of a service, whose span the service gets", async () => {
    const place = upstream.open();
    const input = { service: "shop", path: place.path, method: "GET" };
    const { id } = await client.submit({ type: "http.request", input }, { traceparent });
    const [call] = await place.wait(1);
    const { span } = partsOf(call?.headers["traceparent"]);
    const exported = await eventually(() => {
      const found = otlp.spans.find(({ spanId }) => spanId === span);
      if (!found) throw new Error("the call's span is not exported yet");
      return found;
    });
    expect(exported).toMatchObject({ name: "call shop", scope: "ringback", traceId: CLIENT.trace });
    const [attempt] = named(await spansOf(id, 2), "attempt http.request");
    expect(exported.parentSpanId).toBe(attempt?.spanId);
  });
};
if (runtime === "deno") describe("the spans that Deno exports", spansOnDeno);
