import { describe, expectTypeOf, it } from "vitest";
import * as z from "zod";
import { type BatchItem, Ringback, type Task, type TypeName } from "../../src/client/index.ts";
import { defineTask } from "../../src/task.ts";
import type { tasks as builtIn } from "../../src/task-types/index.ts";

const shout = defineTask({
  type: "text.shout",
  input: z.strictObject({ text: z.string(), times: z._default(z.number(), 1) }),
  handler: ({ input }) => ({ text: input.text, at: new Date(0) }),
});
const count = defineTask({
  type: "text.count",
  input: z.array(z.string()),
  handler: ({ input }) => input.length,
});
const tasks = [shout, count] as const;

const options = { url: "https://ringback.test", apiKey: "rb_" };
const typed = new Ringback<typeof tasks>(options);
const untyped = new Ringback(options);

/** Compiled, and never called. */
const never = (_code: () => unknown): void => undefined;

describe("a client typed by `typeof tasks`", () => {
  it("knows the types, their inputs and their results", () => {
    expectTypeOf<TypeName<typeof tasks>>().toEqualTypeOf<"text.shout" | "text.count" | "http.request">();
    never(async () => {
      const task = await typed.tasks.submit("text.shout", { text: "a" });
      expectTypeOf(task).toEqualTypeOf<Task<{ text: string; at: string }>>();
      expectTypeOf((await typed.tasks.wait(task)).result).toEqualTypeOf<
        { text: string; at: string } | undefined
      >();
      expectTypeOf(await typed.tasks.result(task)).toEqualTypeOf<{ text: string; at: string }>();
      expectTypeOf((await typed.tasks.cancel(task)).result).toEqualTypeOf<
        { text: string; at: string } | undefined
      >();
      expectTypeOf(await typed.tasks.submit("text.count", ["a"])).toEqualTypeOf<Task<number>>();
      for await (const { result } of typed.tasks.list({ type: "text.count" })) {
        expectTypeOf(result).toEqualTypeOf<number | undefined>();
      }
    });
  });

  it("does not compile with a wrong type name, input or option", () => {
    never(() => [
      // @ts-expect-error: no such type
      typed.tasks.submit("text.whisper", { text: "a" }),
      // @ts-expect-error: the input lacks a field
      typed.tasks.submit("text.shout", {}),
      // @ts-expect-error: a field of another type
      typed.tasks.submit("text.shout", { text: 1 }),
      // @ts-expect-error: a field that the type does not have
      typed.tasks.submit("text.shout", { text: "a", loud: true }),
      // @ts-expect-error: the input of another type
      typed.tasks.submit("text.count", { text: "a" }),
      // @ts-expect-error: no such option
      typed.tasks.submit("text.count", [], { deadlin: "15m" }),
      // @ts-expect-error: no such event
      typed.tasks.submit("text.count", [], { callbackUrl: "https://a.test", callbackEvents: ["task.done"] }),
      // @ts-expect-error: no such type
      typed.tasks.list({ type: "text.whisper" }),
      // @ts-expect-error: no such status
      typed.tasks.list({ status: "done" }),
      // @ts-expect-error: the wrong input in a batch
      typed.tasks.submitBatch([{ type: "text.count", input: { text: "a" } }]),
      // @ts-expect-error: an endpoint needs an address
      typed.endpoints.create({ events: ["task.*"] }),
    ]);
    const batch: BatchItem<typeof tasks>[] = [
      { type: "text.count", input: ["a"], idempotencyKey: "1" },
      { type: "text.shout", input: { text: "a", times: 2 }, delay: "10s" },
    ];
    never(() => typed.tasks.submitBatch(batch));
  });

  it("knows the type that every gateway offers", () => {
    never(async () => {
      const request = { service: "shop", method: "GET", path: "/v1/orders" } as const;
      const { result } = await typed.tasks.wait(await typed.tasks.submit("http.request", request));
      expectTypeOf(result?.status).toEqualTypeOf<number | undefined>();
      // @ts-expect-error: a request has a path
      await typed.tasks.submit("http.request", { service: "shop", method: "GET" });
    });
  });

  it("takes the built-in types as they are", () => {
    never(async () => {
      const ringback = new Ringback<typeof builtIn>(options);
      const task = await ringback.tasks.submit("links.check", { urls: ["https://example.com"] });
      expectTypeOf((await ringback.tasks.result(task)).checked).toEqualTypeOf<number>();
    });
  });

  it("gives a task by its id with the result that the caller names", () => {
    never(async () => {
      expectTypeOf((await typed.tasks.get("task_1")).result).toEqualTypeOf<unknown>();
      expectTypeOf((await typed.tasks.wait<number>("task_1")).result).toEqualTypeOf<number | undefined>();
    });
  });
});

describe("a client without types", () => {
  it("takes any type and input", () => {
    never(async () => {
      const task = await untyped.tasks.submit("any.type", { any: ["input"] });
      expectTypeOf(task).toEqualTypeOf<Task<unknown>>();
      expectTypeOf(await untyped.tasks.result(task)).toEqualTypeOf<unknown>();
      await untyped.tasks.submitBatch([{ type: "any.type", input: 1 }]);
    });
  });
});
