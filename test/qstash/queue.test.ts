import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createQueue } from "../../src/adapters/qstash/queue.ts";
import { QueueUnavailable } from "../../src/ports/errors.ts";
import { FaultProxy, type Verdict } from "../support/proxy.ts";

let service: FaultProxy;
beforeAll(async () => {
  service = await FaultProxy.start("http://127.0.0.1:9"); // every answer is this test's own
});
afterAll(() => service?.stop());

const queue = () => createQueue({ url: service.url, token: "t", publicUrl: "https://ringback.example.com" });

describe("whether QStash holds a message", () => {
  const holds = (verdict: Verdict) => {
    service.faults = { request: () => verdict };
    return queue().holds("msg_1");
  };

  test("it does when it shows it, and does not when it says that there is none", async () => {
    expect(await holds({ status: 200, body: '{"messageId":"msg_1"}' })).toBe(true);
    expect(await holds({ status: 404, body: '{"error":"message msg_1 not found"}' })).toBe(false);
  });

  test.each([
    ["too many requests", { status: 429, body: '{"error":"rate limited"}' }],
    ["an error of its own", { status: 500, body: '{"error":"internal"}' }],
    ["a gateway before it that is away", { status: 503, body: "<html>" }],
    ["a token that it does not take", { status: 401, body: '{"error":"unauthorized"}' }],
    ["no JSON", { status: 200, body: "<html>" }],
    ["nothing", { status: 200, body: "null" }],
    ["another message", { status: 200, body: '{"messageId":"msg_2"}' }],
    ["a cut connection", "cut"],
  ] as const)("it is unknown after %s", async (_name, verdict) => {
    await expect(holds(verdict)).rejects.toBeInstanceOf(QueueUnavailable);
  });
});

describe("a batch", () => {
  const message = (task: string) =>
    ({
      kind: "run",
      body: { v: 1, project: "prj_1", task, run: 1, attempt: 1 },
      delay: 0,
    }) as const;

  test("tells the id of each message that was taken, whichever were refused", async () => {
    const body = JSON.stringify([{ messageId: "msg_1" }, { error: "quota" }, { messageId: "msg_3" }]);
    service.faults = { request: () => ({ status: 200, body }) };
    expect(await queue().publishAll(["a", "b", "c"].map(message))).toEqual(["msg_1", undefined, "msg_3"]);
  });

  test("that is answered with no list was not taken", async () => {
    service.faults = { request: () => ({ status: 200, body: "{}" }) };
    expect(await queue().publishAll(["a", "b"].map(message))).toEqual([undefined, undefined]);
  });
});

describe("messages that are taken back", () => {
  test("go in one request, however many", async () => {
    service.faults = { request: () => ({ status: 200, body: '{"cancelled":2}' }) };
    const before = service.passed.length;
    await queue().cancel("msg_1", "msg_2");
    await queue().cancel("msg_3");
    expect(service.passed).toHaveLength(before + 2);
  });

  test("fail in silence: they have been delivered, or come too late", async () => {
    service.faults = { request: () => ({ status: 404, body: '{"error":"not found"}' }) };
    await expect(queue().cancel("msg_1")).resolves.toBeUndefined();
  });
});
