import { describe, expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { RequestTooLarge, StoreRefused } from "../../src/ports/errors.ts";
import type { Store } from "../../src/ports/store.ts";
import { DEFAULT_DEADLINE } from "../../src/shared/limits.ts";
import type { Log } from "../../src/shared/log/log.ts";
import { type TaskContext, TaskError, wait } from "../../src/task.ts";
import { accepted, environments } from "../redis/store-fixture.ts";
import { fetcherOf } from "../support/parts.ts";
import { MASTER, raise, running } from "./running.ts";

const ended: readonly (readonly [string, () => unknown, string])[] = [
  ["throws an object without a prototype", () => raise(Object.create(null)), "handler-failed"],
  ["throws a message of 12 MB", () => raise(new TaskError("too-much", "x".repeat(12_000_000))), "too-much"],
  ["throws a retryAfter of NaN", () => raise(new TaskError("late", "m", { retryAfter: Number.NaN })), "late"],
  ["throws a code that is none", () => raise(new TaskError("No Code", "m")), "handler-failed"],
  ["returns a BigInt", () => 1n, "invalid-result"],
  ["returns a toJSON that throws", () => ({ toJSON: () => raise(new Error("no")) }), "invalid-result"],
  ["returns 7,000 levels", () => JSON.parse("[".repeat(7_000) + "]".repeat(7_000)), "invalid-result"],
  ["returns 4,000,000 characters of three bytes", () => "漢".repeat(4_000_000), "result-too-large"],
  ["returns 3,000,000 quotes, each escaped twice", () => '"'.repeat(3_000_000), "result-too-large"],
  ["returns 1,700,000 control characters", () => "\u0001".repeat(1_700_000), "result-too-large"],
];

describe.each(await environments())(
  "an attempt's outcome on the %s engine",
  (_kind, { store, caller, encrypting }) => {
    const open = (over: Store = store) => accepted(over, caller, { callback: undefined, maxAttempts: 1 });

    for (const [what, handler, code] of ended) {
      test(`of a handler that ${what} is stored once`, async () => {
        const task = await open();
        const { answers, calls } = await running(store, handler).runOnce(task);
        expect(answers).toEqual([{ status: 200 }, { status: 200 }]);
        expect(calls).toBe(1);
        const found = await store.readTask(caller, task.id);
        expect(found).toMatchObject({ record: { status: "failed", attempt: 1, error: { code } } });
        if (found.kind === "found") expect(found.record.error?.message.length).toBeLessThanOrEqual(2_000);
      });
    }

    test("that exceeds the limit only once it is encrypted is result-too-large", async () => {
      const handler = () => "x".repeat(8_000_000);
      const encrypted = encrypting(createKeyring(webCrypto, MASTER));
      for (const [over, status] of [
        [store, "succeeded"],
        [encrypted, "failed"],
      ] as const) {
        const task = await open(over);
        expect((await running(over, handler).runOnce(task)).calls).toBe(1);
        expect(await over.readTask(caller, task.id)).toMatchObject({ record: { status } });
      }
    });

    test("that Redis refuses for ever is invalid-result, and the log says so", async () => {
      const task = await open();
      const logged: unknown[] = [];
      const refusing: Store = {
        ...store,
        end: (command) =>
          "result" in command.outcome ? Promise.reject(new StoreRefused("WRONGTYPE")) : store.end(command),
      };
      const log: Log = (_level, event) => logged.push(event);
      const { runOnce } = running(refusing, () => "a result", { log });
      expect((await runOnce(task)).calls).toBe(1);
      expect(logged).toContain("result-not-stored");
      expect(await store.readTask(caller, task.id)).toMatchObject({
        record: { status: "failed", error: { code: "invalid-result", retryable: false } },
      });
    });

    for (const [refusal, code] of [
      [new RequestTooLarge("too large"), "result-too-large"],
      [new StoreRefused("WRONGTYPE"), "invalid-result"],
    ] as const) {
      test(`that is handed on, when Redis refuses the wait, is ${code} and no crash`, async () => {
        const task = await open();
        const refusing: Store = {
          ...store,
          end: (command) =>
            command.outcome.kind === "waiting" ? Promise.reject(refusal) : store.end(command),
        };
        const { answers, calls } = await running(refusing, () => wait()).runOnce(task);
        expect(answers).toEqual([{ status: 200 }, { status: 200 }]);
        expect(calls).toBe(1);
        expect(await store.readTask(caller, task.id)).toMatchObject({
          record: { status: "failed", attempt: 1, crashes: 0, error: { code, retryable: false } },
        });
      });
    }

    test("whose retry Redis refuses is the failure itself, and no crash", async () => {
      const task = await accepted(store, caller, { callback: undefined, maxAttempts: 4 });
      const refusing: Store = {
        ...store,
        end: (command) =>
          command.outcome.kind === "retry"
            ? Promise.reject(new RequestTooLarge("too large"))
            : store.end(command),
      };
      const { runOnce } = running(refusing, () => raise(new TaskError("busy", "Come later.")));
      expect((await runOnce(task)).calls).toBe(1);
      expect(await store.readTask(caller, task.id)).toMatchObject({
        record: { status: "failed", attempt: 1, crashes: 0, error: { code: "busy" } },
      });
    });

    test("is written without the progress that Redis refuses", async () => {
      const refusing: Store = {
        ...store,
        renew: (command) =>
          command.progress ? Promise.reject(new StoreRefused("WRONGTYPE")) : store.renew(command),
        end: (command) =>
          command.progress ? Promise.reject(new StoreRefused("WRONGTYPE")) : store.end(command),
      };
      const silent = ({ progress }: TaskContext<unknown>) => progress({ percent: 50 });
      for (const handler of [
        silent,
        ({ progress }: TaskContext<unknown>) => {
          progress({ percent: 50 });
          return raise(new TaskError("broken", "It broke."));
        },
      ]) {
        const one = await open();
        const { calls } = await running(refusing, handler).runOnce(one);
        expect(calls).toBe(1);
        const status = handler === silent ? "succeeded" : "failed";
        expect(await store.readTask(caller, one.id)).toMatchObject({
          record: { status, crashes: 0, attempt: 1 },
        });
      }
    });

    test("does not depend on an announcement that Redis refuses", async () => {
      const callback = { url: "https://client.example/hooks", events: ["task.started"] };
      const task = await accepted(store, caller, { callback, maxAttempts: 1 });
      const logged: unknown[] = [];
      const refusing: Store = { ...store, announce: () => Promise.reject(new RequestTooLarge("too large")) };
      const log: Log = (_level, event) => logged.push(event);
      const { calls } = await running(refusing, () => "done", { log }).runOnce(task);
      expect([calls, logged]).toEqual([1, expect.arrayContaining(["start-not-announced"])]);
      expect(await store.readTask(caller, task.id)).toMatchObject({
        record: { status: "succeeded", attempt: 1 },
      });
    });

    test("of an input that nothing opens is undecryptable, not retried; the task can still be read", async () => {
      const encrypted = encrypting(createKeyring(webCrypto, "another master secret, which is lost by now"));
      const task = await open(encrypted);
      const over = encrypting(createKeyring(webCrypto, MASTER));
      expect((await running(over, () => "never").runOnce(task)).calls).toBe(0);
      const found = await over.readTask(caller, task.id, { input: true, result: true });
      expect(found).toMatchObject({
        record: {
          status: "failed",
          error: { code: "undecryptable", retryable: false },
          input: { undecryptable: true },
        },
      });
      expect(await over.readTasks(caller, [task.id])).toMatchObject({
        kind: "found",
        records: [{ id: task.id }],
      });
    });

    test("follows the fetch that its handler asked for: follow, manual, error", async () => {
      const asked: (string | undefined)[] = [];
      const fetcher = fetcherOf({
        fetch: (_url, { redirect }) => {
          asked.push(redirect);
          return Promise.resolve(new Response("moved", { status: 302, headers: { location: "/b" } }));
        },
      });
      const handler = async ({ fetch }: TaskContext<unknown>) => {
        const url = "https://example.com/a";
        const failure = await fetch(url, { redirect: "error" }).catch((error: unknown) => error);
        const { code } = failure as { readonly code?: string }; // a response has none
        return [code, (await fetch(url, { redirect: "manual" })).status, (await fetch(url)).status];
      };
      const task = await open();
      await running(store, handler, { fetcher }).runOnce(task);
      expect(await store.readTask(caller, task.id)).toMatchObject({
        record: { status: "succeeded", result: { json: '["redirect",302,302]' } },
      });
      expect(asked).toEqual(["manual", "manual", "follow"]);
    });

    test("is a timeout that passes before the handler begins, which then never does", async () => {
      const keyring = createKeyring(webCrypto, MASTER);
      const slow: typeof keyring = {
        ...keyring,
        issueTaskToken: async (token) => {
          await new Promise((resolve) => setTimeout(resolve, 50));
          return keyring.issueTaskToken(token);
        },
      };
      const task = await accepted(store, caller, {
        callback: undefined,
        maxAttempts: 1,
        options: { timeout: 1, deadline: DEFAULT_DEADLINE },
      });
      const never = () => new Promise<never>(() => undefined);
      expect((await running(store, never, { keyring: slow }).runOnce(task)).calls).toBe(0);
      expect(await store.readTask(caller, task.id)).toMatchObject({
        record: { status: "failed", attempt: 1, error: { code: "timeout" } },
      });
    });

    test("is expired without its handler when the deadline has passed", async () => {
      const task = await accepted(store, caller, { callback: undefined, maxAttempts: 1 });
      // The claim found time left; the worker has used it up before the handler.
      const late: Store = {
        ...store,
        claim: async (command) => {
          const answer = await store.claim(command);
          if (answer.kind !== "claimed") return answer;
          return { ...answer, record: { ...answer.record, deadlineAt: answer.now } };
        },
      };
      const { calls } = await running(late, () => "done").runOnce(task);
      expect(calls).toBe(0);
    });

    test("may wait for a fetch as long as its attempt may take", async () => {
      const asked: (number | undefined)[] = [];
      const fetcher = fetcherOf({
        fetch: (_url, { timeout }) => {
          asked.push(timeout);
          return Promise.resolve(new Response("late"));
        },
      });
      const options = { timeout: 300_000, deadline: DEFAULT_DEADLINE };
      const task = await accepted(store, caller, { callback: undefined, maxAttempts: 1, options });
      const handler = async ({ fetch }: TaskContext<unknown>) => (await fetch("https://example.com/")).text();
      await running(store, handler, { fetcher }).runOnce(task);
      expect(asked).toEqual([300_000]);
    });

    test("is not disturbed by what its handler says of its progress", async () => {
      const handler = ({ progress }: TaskContext<unknown>) => {
        progress({ percent: 40, message: "kept" });
        progress({ percent: Number.NaN });
        const hostile: unknown[] = [
          undefined,
          null,
          1n,
          { percent: 1n },
          {
            get percent() {
              return raise("no");
            },
          },
        ];
        for (const said of hostile) progress(said as { percent: number }); // as plain JavaScript may
        return "done";
      };
      const task = await open();
      await running(store, handler).runOnce(task);
      expect(await store.readTask(caller, task.id)).toMatchObject({
        record: { status: "succeeded", progress: { percent: 40, message: "kept" } },
      });
    });
  },
);
