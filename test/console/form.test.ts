import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { JsonSchema } from "../../src/console/api/types.ts";
import { firstJson, initialValues, inputFrom, variantsOf } from "../../src/console/pages/task-types/form.ts";
import { tasks } from "../../src/task-types/index.ts";

const schemaOf = (schema: z.core.$ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema; // what the API answers

const fieldsOf = (schema: JsonSchema) => variantsOf(schema)[0]?.fields ?? [];

describe("a form made of a schema", () => {
  const schema = schemaOf(
    z.object({
      name: z.string(),
      size: z.int().optional(),
      loud: z.boolean().default(true),
      colour: z.enum(["red", "blue"]).optional(),
      extra: z.array(z.number()).optional(),
    }),
  );

  test("has a control for each member", () => {
    expect(fieldsOf(schema).map(({ name, control, required }) => [name, control, required])).toEqual([
      ["name", "text", true],
      ["size", "number", false],
      ["loud", "boolean", false],
      ["colour", "choice", false],
      ["extra", "json", false],
    ]);
  });

  test("makes an input of the types that the schema asks for, without empty optional members", () => {
    const fields = fieldsOf(schema);
    const values = { ...initialValues(fields), name: "x", size: "3", extra: "[1, 2]" };
    expect(inputFrom(fields, values)).toEqual({
      kind: "input",
      input: { name: "x", size: 3, loud: true, extra: [1, 2] },
    });
    expect(inputFrom(fields, { name: "" })).toEqual({ kind: "input", input: { name: "" } });
  });

  test("names the field whose JSON is none", () => {
    const fault = inputFrom(fieldsOf(schema), { name: "x", extra: "[1," });
    expect(fault).toMatchObject({ kind: "fault", field: "extra" });
  });

  test("has a variant for each shape of a union, and JSON for what is no object", () => {
    const union = schemaOf(z.union([z.object({ csv: z.string() }), z.object({ csvUrl: z.url() })]));
    expect(variantsOf(union).map(({ label }) => label)).toEqual(["csv", "csvUrl"]);
    const [any] = variantsOf(schemaOf(z.unknown()));
    expect([any?.fields, firstJson(any?.schema ?? {})]).toEqual([undefined, "null"]);
    expect(
      variantsOf(schemaOf(z.union([z.string(), z.object({ a: z.string() })])))[0]?.fields,
    ).toBeUndefined();
  });

  test.each(tasks.map((task) => [task.type, task] as const))("can be made for %s", (_, task) => {
    const variants = variantsOf(schemaOf(task.input));
    expect(variants.length).toBeGreaterThan(0);
    for (const { fields } of variants) for (const { name } of fields ?? []) expect(name).not.toBe("");
  });
});
