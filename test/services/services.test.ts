import { describe, expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { CallRefused, QueueUnavailable } from "../../src/ports/errors.ts";
import type { QueueMessage, ServiceCall } from "../../src/ports/queue.ts";
import type { Store } from "../../src/ports/store.ts";
import { sweep } from "../../src/scheduling/sweep.ts";
import { httpRequestTask } from "../../src/services/http-request.ts";
import { type OutcomeMessage, outcome } from "../../src/services/receive-outcome.ts";
import type { Service } from "../../src/services/service.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { run } from "../../src/tasks/run/run-attempt.ts";
import { createRunTimes } from "../../src/tasks/run-times.ts";
import { createImmediateStarts } from "../../src/tasks/submit/immediate-start.ts";
import { accept } from "../../src/tasks/submit/submit-task.ts";
import { environments, freshProject } from "../redis/store-fixture.ts";
import { fetcherOf, queueOf, settingsOf } from "../support/parts.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const service: Service = {
  name: "render",
  baseUrl: "https://render.example.com",
  methods: ["POST"],
  paths: ["/v1/"],
  headers: { authorization: "Bearer secret" },
  requestHeaders: [],
  responseHeaders: [],
  timeout: MINUTE,
  retries: 3,
  completion: "poll",
  poll: { interval: 5 * SECOND, pending: [] },
  responseLimit: 1_000,
};

/** A queue that notes what it is given, and does of it what a test says. */
function deployment() {
  const services = new Map([[service.name, service]]);
  const task = httpRequestTask(services);
  const runs: QueueMessage[] = [];
  const calls: ServiceCall[] = [];
  const canceled: string[] = [];
  const held = new Set<string>();
  const logged: string[] = [];
  const fault: { on?: Error; holds?: Error } = {};
  const work: Promise<unknown>[] = [];
  const ctx = (store: Store) => ({
    settings: settingsOf({ rateLimit: 1_000 }),
    store,
    queue: queueOf({
      publish: async (message: QueueMessage) => void runs.push(message),
      publishAll: async (messages: readonly QueueMessage[]) => messages.map((one) => `run_${runs.push(one)}`),
      call: async (call: ServiceCall) => {
        if (fault.on) throw fault.on;
        return `msg_${calls.push(call)}`;
      },
      waits: async (message: string) => held.has(message),
      holds: async (message: string) => (fault.holds ? Promise.reject(fault.holds) : held.has(message)),
      cancel: async (...messages: readonly string[]) => void canceled.push(...messages),
    }),
    fetcher: fetcherOf(),
    sign: createSign(webCrypto),
    hashes: webCrypto,
    keyring: createKeyring(webCrypto, "a master secret for tests, and for nothing else"),
    services,
    tasks: new Map([[task.type, task]]),
    background: { waitUntil: (one: Promise<unknown>) => void work.push(one) },
    log: (_level: string, event: string) => void logged.push(event),
    runTimes: createRunTimes(),
    immediate: createImmediateStarts(Date.now),
    random: () => 0.5,
    clock: Date.now,
  });
  return { runs, calls, canceled, held, logged, fault, ctx, settled: () => Promise.all(work.splice(0)) };
}

describe.each(await environments())("a service's call, on the %s engine", (_kind, { store, at }) => {
  const begin = async (
    of: ReturnType<typeof deployment>,
    rest: { deadline?: number; retries?: number } = {},
  ) => {
    const caller = await freshProject(store);
    const input = { service: "render", method: "POST", path: "/v1/jobs", body: 1 };
    const submit = { type: "http.request", input, canonical: {}, ...rest };
    const { record } = await accept(of.ctx(store), caller, submit);
    await of.settled();
    const read = async (): Promise<TaskRecord> => {
      const found = await store.readTask(caller, record.id, { result: true });
      if (found.kind !== "found") throw new Error(found.kind);
      return found.record;
    };
    const told = (attempt: number, poll?: number): OutcomeMessage => ({
      project: caller.project,
      task: record.id,
      run: 1,
      attempt,
      service: "render",
      ...(poll !== undefined && { poll }),
    });
    return { record, read, told };
  };
  /** The sweep at that time, and what comes of what it publishes. */
  const sweepAt = async (of: ReturnType<typeof deployment>, later: number, id: string) => {
    const ctx = of.ctx(at(later));
    of.runs.length = 0;
    await sweep(ctx);
    for (const { kind, body } of of.runs) if (kind === "run" && body.task === id) await run(ctx, body);
    await of.settled();
  };
  const answered = (message: string, rest: object = {}) => ({
    status: 200,
    headers: {},
    body: new Uint8Array(),
    url: "https://render.example.com/v1/jobs",
    message,
    isFinal: true,
    ...rest,
  });

  test("is made at once, with the deployer's secret named as one, under the lease of its outcome", async () => {
    const of = deployment();
    const { record, read, told } = await begin(of);
    expect(of.calls).toMatchObject([
      {
        url: "https://render.example.com/v1/jobs",
        method: "POST",
        headers: { authorization: "Bearer secret", "idempotency-key": `${record.id}.1` },
        secrets: ["authorization"],
        timeout: MINUTE,
      },
    ]);
    expect(of.runs).toEqual([]);
    expect(await read()).toMatchObject({ status: "running", attempt: 1, calls: ["msg_1"] });
    await outcome(of.ctx(store), told(1), answered("msg_1"));
    expect((await read()).status).toBe("succeeded");
  });

  test("whose outcome never comes is made again, with the same key; the first outcome counts, a later one is stale", async () => {
    const of = deployment();
    const { record, read, told } = await begin(of);
    await sweepAt(of, 7 * MINUTE, record.id);
    expect(of.calls).toHaveLength(1);
    await sweepAt(of, 10 * MINUTE, record.id);
    expect(of.calls.map(({ headers }) => headers["idempotency-key"])).toEqual([
      `${record.id}.1`,
      `${record.id}.1`,
    ]);
    expect(await read()).toMatchObject({ status: "running", attempt: 1, calls: ["msg_1", "msg_2"] });
    const ctx = of.ctx(at(10 * MINUTE));
    await outcome(ctx, told(1), answered("msg_2", { body: new TextEncoder().encode("first") }));
    const ended = await read();
    expect(ended.status).toBe("succeeded");
    await outcome(ctx, told(1), answered("msg_1", { body: new TextEncoder().encode("second") }));
    expect(await read()).toEqual(ended);
    expect(of.logged).toContain("outcome-stale");
  });

  test("that waits in the queue's line is not made twice, however long it waits", async () => {
    const of = deployment();
    const { record, read } = await begin(of);
    of.held.add("msg_1");
    for (const minutes of [10, 30, 90, 200, 420, 900]) await sweepAt(of, minutes * MINUTE, record.id);
    expect(of.calls).toHaveLength(1);
    expect(await read()).toMatchObject({ status: "running", attempt: 1 });
    await sweepAt(of, 1_441 * MINUTE, record.id);
    expect(await read()).toMatchObject({ status: "expired", error: { code: "deadline-exceeded" } });
    expect([of.calls.length, of.canceled]).toEqual([1, ["msg_1"]]);
  });

  test("of which the queue does not say whether it holds it is not made twice, and costs no attempt", async () => {
    const of = deployment();
    const { record, read } = await begin(of, { retries: 0 });
    of.fault.holds = new QueueUnavailable("429");
    for (const minutes of [10, 12, 14, 30, 90, 200]) await sweepAt(of, minutes * MINUTE, record.id);
    expect([of.calls.length, of.canceled]).toEqual([1, []]);
    expect(of.logged).toContain("call-unknown");
    expect(await read()).toMatchObject({ status: "running", attempt: 1, crashes: 0 });
    delete of.fault.holds;
    await sweepAt(of, 300 * MINUTE, record.id);
    expect([of.calls.length, of.canceled]).toEqual([2, ["msg_1"]]); // taken back before the new one
  });

  test("that the queue did not take is made by the sweep", async () => {
    const of = deployment();
    of.fault.on = new QueueUnavailable("away");
    const { record, read } = await begin(of);
    expect(await read()).toMatchObject({ status: "queued", attempt: 0 });
    delete of.fault.on;
    await sweepAt(of, 2 * MINUTE, record.id);
    expect(of.calls).toHaveLength(1);
    expect(await read()).toMatchObject({ status: "running", attempt: 1, calls: ["msg_1"] });
  });

  test("that the queue will never take fails the task", async () => {
    const of = deployment();
    of.fault.on = new CallRefused("QStash does not take the call (413).");
    const { record, read } = await begin(of);
    await sweepAt(of, 2 * MINUTE, record.id);
    expect(await read()).toMatchObject({
      status: "failed",
      error: { code: "call-refused", retryable: false },
    });
  });

  test("never lasts longer than its task's deadline", async () => {
    const of = deployment();
    await begin(of, { deadline: 20 * SECOND });
    expect(of.calls[0]?.timeout).toBeLessThanOrEqual(20 * SECOND);
    expect(of.calls[0]?.timeout).toBeGreaterThan(15 * SECOND);
  });

  test("that was noted too late is taken back", async () => {
    const of = deployment();
    const { record, told } = await begin(of, { retries: 3 });
    const ctx = of.ctx(store);
    // The outcome comes before the gateway could note the call that it made again.
    const slow: Store = {
      ...store,
      recordCall: async (command) => {
        if (command.message === "msg_2") await outcome(ctx, told(1), answered("msg_1"));
        return await at(10 * MINUTE).recordCall(command);
      },
    };
    const later = {
      ...of.ctx(at(10 * MINUTE)),
      store: { ...at(10 * MINUTE), recordCall: slow.recordCall },
    };
    await run(later, { v: 1, project: record.project, task: record.id, run: 1, attempt: 1 });
    expect(of.calls).toHaveLength(2);
    expect(of.canceled).toEqual(["msg_1", "msg_2"]); // the one before the new call; the new one, too late
  });

  test("a failed outcome that is told twice makes one further attempt", async () => {
    const of = deployment();
    const { read, told } = await begin(of);
    const ctx = of.ctx(store);
    const failed = answered("msg_1", { status: 503 });
    await Promise.all([outcome(ctx, told(1), failed), outcome(ctx, told(1), failed)]);
    expect(of.runs).toHaveLength(1);
    expect(await read()).toMatchObject({ status: "queued", attempt: 1, error: { code: "upstream-status" } });
  });

  test("one that the queue will repeat is not yet an outcome", async () => {
    const of = deployment();
    const { read, told } = await begin(of);
    await outcome(of.ctx(store), told(1), answered("msg_1", { status: 503, isFinal: false }));
    expect(await read()).toMatchObject({ status: "running", attempt: 1 });
  });

  describe("that is followed by polls", () => {
    const polling = async (of: ReturnType<typeof deployment>) => {
      const begun = await begin(of);
      const headers = { location: "/v1/jobs/1" };
      await outcome(of.ctx(store), begun.told(1), answered("msg_1", { status: 202, headers }));
      return begun;
    };

    test("a poll that got lost is sent again; its answer is the result", async () => {
      const of = deployment();
      const { record, read, told } = await polling(of);
      const poll = { url: "https://render.example.com/v1/jobs/1", method: "GET", secrets: ["authorization"] };
      expect(of.calls.slice(1)).toMatchObject([{ ...poll, delay: 5 * SECOND }]);
      await sweepAt(of, MINUTE, record.id);
      expect(of.calls).toHaveLength(2);
      await sweepAt(of, 5 * MINUTE, record.id);
      expect(of.calls.slice(2)).toMatchObject([{ ...poll, delay: 0 }]);
      expect(of.calls[2]?.callback).toBe(of.calls[1]?.callback);
      await outcome(of.ctx(at(5 * MINUTE)), told(1, 1), answered("msg_3"));
      expect(await read()).toMatchObject({ status: "succeeded", attempt: 1 });
    });

    test("a poll that failed is told of twice, and one asks next", async () => {
      const of = deployment();
      const { told } = await polling(of);
      const failed = answered("msg_2", { status: 503, url: "https://render.example.com/v1/jobs/1" });
      await Promise.all([1, 2, 3, 4].map(() => outcome(of.ctx(store), told(1, 1), failed)));
      expect(of.calls).toHaveLength(3);
      expect(of.calls[2]?.callback).toContain("poll=2");
    });

    test("the outcome of an older poll, and the call's own told again, change nothing", async () => {
      const of = deployment();
      const { read, told } = await polling(of);
      const ctx = of.ctx(store);
      await outcome(ctx, told(1, 1), answered("msg_2", { status: 202 }));
      const before = await read();
      await outcome(ctx, told(1, 1), answered("msg_2", { status: 200 }));
      await outcome(ctx, told(1), answered("msg_1", { status: 200 }));
      await outcome(ctx, told(2, 2), answered("msg_3", { status: 200 }));
      expect(await read()).toEqual(before);
      expect(of.calls).toHaveLength(3);
    });
  });
});
