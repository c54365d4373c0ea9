import { describe, expect, test } from "vitest";
import { type TaskContext, TaskError, wait } from "../../src/task.ts";
import { accepted, environments } from "../redis/store-fixture.ts";
import { fetcherOf } from "../support/parts.ts";
import { raise, running } from "./running.ts";

const circle: unknown[] = [];
circle.push(circle);

/** A rejection that somebody awaits. */
function settled(): Promise<never> {
  const rejected = Promise.reject(new Error("no"));
  rejected.catch(() => undefined);
  return rejected;
}

/** An object whose member comes from a getter. */
function having(name: string, get: () => unknown, prototype: object = Object.prototype): object {
  return Object.create(prototype, { [name]: { get } });
}

const boom = () => raise(new Error("no"));
const failing: readonly (readonly [string, () => unknown, string])[] = [
  [
    "throws a function that poses as a TaskError",
    () => raise(Object.setPrototypeOf(boom, TaskError.prototype)),
    "handler-failed",
  ],
  ["throws half of a surrogate pair", () => raise(new TaskError("half", "\ud800\u0000")), "half"],
  ["throws a promise that is rejected", () => raise(settled()), "handler-failed"],
  ["throws a response", () => raise(new Response("no", { status: 500 })), "handler-failed"],
  ["returns a promise that rejects with nothing", () => Promise.reject(), "handler-failed"],
  ["returns a thenable that throws", () => having("then", () => boom), "handler-failed"],
  ["returns a thenable that cannot be read", () => having("then", boom), "handler-failed"],
  [
    "returns a thenable of a circle",
    () => having("then", () => (take: (value: unknown) => void) => take(circle)),
    "invalid-result",
  ],
  [
    "returns a wait that cannot be read",
    () => having("heartbeat", boom, Object.getPrototypeOf(wait())),
    "invalid-result",
  ],
  ["returns an error in place of throwing it", () => new TaskError("returned", "m"), "invalid-result"],
  ["returns an error with members", () => Object.assign(new Error("m"), { status: 500 }), "invalid-result"],
];

const kept: readonly (readonly [string, unknown])[] = [
  ["halves of surrogate pairs", { "\ud800": "\udfff\ud800" }],
  ["characters that end a line or a text", "\u0000\u2028\u2029\ufeff\r\n"],
  ["a member named __proto__", JSON.parse('{"__proto__":{"a":1}}')],
  ["numbers at the edge", [Number.MAX_VALUE, Number.MIN_VALUE, -0, 2 ** 53 + 2, 1e21]],
  ["a text that begins as an encrypted one does", "~1.2.3"],
  ["null inside", [null, [null], {}]],
];

describe.each(await environments())(
  "the outcome of a hostile handler on the %s engine",
  (_kind, { store, caller }) => {
    const open = () => accepted(store, caller, { callback: undefined, maxAttempts: 1 });

    test.each(failing)("that %s is stored once", async (_what, handler, code) => {
      const task = await open();
      const { answers, calls } = await running(store, handler).runOnce(task);
      expect([answers, calls]).toEqual([[{ status: 200 }, { status: 200 }], 1]);
      expect(await store.readTask(caller, task.id)).toMatchObject({
        record: { status: "failed", attempt: 1, crashes: 0, error: { code } },
      });
    });

    test.each(kept)("that returns %s is kept as JSON has it", async (_what, value) => {
      const task = await open();
      const { answers } = await running(store, () => value).runOnce(task);
      expect(answers).toEqual([{ status: 200 }, { status: 200 }]);
      expect(await store.readTask(caller, task.id)).toMatchObject({
        record: { status: "succeeded", result: { json: JSON.stringify(value) } },
      });
    });

    test("does not depend on what it does to its arguments", async () => {
      const callback = { url: "https://client.example/hooks", events: ["task.succeeded"] };
      const metadata = { orderId: "o-1" };
      const task = await accepted(store, caller, { callback, metadata, maxAttempts: 1 });
      const handler = (context: TaskContext<unknown>) => {
        Object.assign(context.task.metadata, { circle: context, big: 1n });
        Object.assign(context.task, { id: 1n, project: null, run: Number.NaN, metadata: 1n });
        for (const name of Object.keys(context)) Reflect.deleteProperty(context, name);
        return "done";
      };
      const sent: unknown[] = [];
      const fetcher = fetcherOf({
        fetch: (_url, { body }) => {
          sent.push(JSON.parse(String(body)));
          return Promise.resolve(new Response(null, { status: 204 }));
        },
        read: () => Promise.resolve({ text: "", truncated: false }),
      });
      const { answers, calls } = await running(store, handler, { fetcher }).runOnce(task);
      expect([answers, calls]).toEqual([[{ status: 200 }, { status: 200 }], 1]);
      expect(await store.readTask(caller, task.id)).toMatchObject({
        record: { status: "succeeded", result: { json: '"done"' }, metadata },
      });
      expect(sent).toMatchObject([{ type: "task.succeeded", data: { id: task.id, metadata } }]);
    });
  },
);
