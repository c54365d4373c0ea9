import { describe, expectTypeOf, test } from "vitest";

// Types alone: `npm run check` compiles them, and an expectation that does not hold does not compile.
import * as z from "zod";
import type { TypedTask } from "../../src/shared/schema/typed-task.ts";
import { type AnyTask, defineTask, wait } from "../../src/task.ts";
import type { tasks as builtIn } from "../../src/task-types/index.ts";

type NameOf<One> = One extends TypedTask<infer Type, infer _Input, infer _Result> ? Type : never;
type InputOf<One, Name> =
  One extends TypedTask<infer Type, infer Input, infer _Result> ? (Type extends Name ? Input : never) : never;
type ResultOf<One, Name> =
  One extends TypedTask<infer Type, infer _Input, infer Result>
    ? Type extends Name
      ? Result
      : never
    : never;

const shout = defineTask({
  type: "text.shout",
  input: z.strictObject({ text: z.string(), times: z._default(z.number(), 1) }),
  handler: ({ input }) => ({ text: input.text.repeat(input.times), at: new Date(0), note: undefined }),
});
const render = defineTask({
  type: "video.render",
  input: z.strictObject({ url: z.string() }),
  result: z.object({ frames: z.number() }),
  handler: () => wait(),
});
const maybe = defineTask({
  type: "job.maybe",
  input: z.unknown(),
  handler: async () => (Math.random() < 2 ? { list: [new Date(0), 1] as const } : wait()),
});
const silent = defineTask({ type: "job.silent", input: z.null(), handler: async () => undefined });
const tasks = [shout, render, maybe, silent];
type Mine = (typeof tasks)[number];

describe("the types of a list of task types", () => {
  test("name each type", () => {
    expectTypeOf<NameOf<Mine>>().toEqualTypeOf<"text.shout" | "video.render" | "job.maybe" | "job.silent">();
    expectTypeOf<NameOf<(typeof builtIn)[number]>>().toEqualTypeOf<"report.generate" | "links.check">();
  });

  test("hold the input that clients send, before defaults", () => {
    expectTypeOf<InputOf<Mine, "text.shout">>().toEqualTypeOf<{ text: string; times?: number | undefined }>();
  });

  test("hold the result as JSON", () => {
    expectTypeOf<ResultOf<Mine, "text.shout">>().toEqualTypeOf<{
      text: string;
      at: string;
      note: undefined;
    }>();
    expectTypeOf<ResultOf<Mine, "video.render">>().toEqualTypeOf<{ frames: number }>();
    expectTypeOf<ResultOf<Mine, "job.maybe">>().toEqualTypeOf<{ list: readonly [string, 1] }>();
    expectTypeOf<ResultOf<Mine, "job.silent">>().toEqualTypeOf<undefined>();
  });

  test("fit a registry of any task types", () => {
    expectTypeOf(tasks).toExtend<readonly AnyTask[]>();
    expectTypeOf<InputOf<AnyTask, string>>().toEqualTypeOf<unknown>();
  });
});
