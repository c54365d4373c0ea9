import { expect, test } from "vitest";
import * as z from "zod";
import { defineTask } from "../../src/task.ts";
import { open } from "./gateway.ts";

const boom = (): never => {
  throw new Error("boom");
};
const twice = z.object({ a: z.string().meta({ id: "Same" }), b: z.number().meta({ id: "Same" }) });
const handler = () => undefined;
const hostile = [
  defineTask({ type: "test.twice", input: twice, result: twice, handler: () => ({ a: "a", b: 1 }) }),
  defineTask({ type: "test.default", input: z.string().default(boom), handler }),
  defineTask({ type: "test.meta", input: z.string().meta({ big: 1n }), handler }),
  defineTask({ type: "test.bigint", input: z.bigint(), handler }),
  defineTask({ type: "test.transform", input: z.string().transform(boom), handler }),
];

test("a task type whose schema cannot be described is listed with the others", async () => {
  const gateway = await open({
    tasks: hostile,
    store: {
      readConfig: () => Promise.resolve({ kind: "found", config: { version: 1, json: "{}" }, now: 0 }),
    },
  });
  const list = await gateway.send("GET", "/v1/task-types");
  expect(list.status).toBe(200);
  const { data } = (await list.json()) as { data: readonly { type: string }[] };
  expect(data.map(({ type }) => type)).toEqual(["test.echo", ...hostile.map(({ type }) => type)]);
  expect(data[1]).toMatchObject({ input: { description: expect.stringContaining("cannot be written") } });
  const document = await gateway.send("GET", "/openapi.json");
  expect(document.status).toBe(200);
  const { components } = (await document.json()) as { components: { schemas: Record<string, unknown> } };
  for (const { type } of hostile) expect(components.schemas).toHaveProperty([`TaskRequest.${type}`]);
});
