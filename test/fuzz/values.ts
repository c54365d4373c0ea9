import * as fc from "fast-check";
import { resolve, type Schema, type Specification } from "./specification.ts";

/*
 * Values that fit the document's schemas. What a schema cannot say (an address at which a receiver listens, the id of
 * a task that is there) is written as a mark, `{{task:7}}`, which the pool replaces when the request is sent.
 */

/** `{{kind:number}}`: which of the things of that kind that are known by then. */
export function mark(kind: string, most = 1_000): fc.Arbitrary<string> {
  return fc.nat(most).map((pick) => `{{${kind}:${pick}}}`);
}

/** Texts that have broken programs before. */
const nasty = [
  "",
  " ",
  "\u0000",
  "a\r\nX-Injected: 1",
  "\ud800",
  "\u{1f469}\u200d\u{1f469}\u200d\u{1f467}",
  "e\u0301\u0301\u0301",
  "\u202egnp.exe",
  "__proto__",
  "constructor",
  "toString",
  "../../etc/passwd",
  "%00%2e%2e%2f",
  "null",
  "NaN",
  "-0",
  "1e400",
  "#{7*7}",
  "{{}}",
  "' OR 1=1 --",
  "<script>alert(1)</script>",
  "9".repeat(400),
  "x".repeat(5_000),
];

export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 40 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  { weight: 2, arbitrary: fc.constantFrom(...nasty) },
);

/** Any JSON, odd numbers and names too. */
export const anyJson: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      1e308,
      -0,
      5e-324,
      Number.MAX_SAFE_INTEGER + 2,
      { constructor: { prototype: { polluted: true } } },
      { toString: null, valueOf: 1, hasOwnProperty: "x" },
      { toJSON: 1 },
      nested(99),
      [[[[[[]]]]]],
    ),
  },
  { weight: 1, arbitrary: anyText },
);

export function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { a: value };
  return value;
}

const duration = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("0s", "1ms", "500ms", "1s", "2s", "1m", "1h", "1d", "7d", "30d") },
  { weight: 1, arbitrary: fc.stringMatching(/^\d{1,12}(ms|s|m|h|d)$/) },
);

const address = fc.oneof(
  { weight: 6, arbitrary: mark("inbox") },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "http://169.254.169.254/latest/meta-data/",
      "http://[::ffff:169.254.169.254]/",
      "http://127.0.0.1:1/closed",
      "file:///etc/passwd",
      "http://user:pass@127.0.0.1/",
      "//127.0.0.1/",
      "http://\u2460\u2461\u2462.1/",
    ),
  },
  { weight: 1, arbitrary: anyText },
);

/** Inputs with which tasks do run, better than their type's schema can say; any other type's follow from its schema. */
const inputs: Readonly<Record<string, { readonly weight: number; readonly input: fc.Arbitrary<unknown> }>> = {
  "diagnostics.echo": { weight: 5, input: anyJson },
  "diagnostics.flaky": {
    weight: 2,
    input: fc.record({ failures: fc.nat(3), payload: anyJson }, { requiredKeys: ["failures"] }),
  },
  "diagnostics.wait": { weight: 2, input: fc.record({ notifyUrl: mark("handon") }) },
  "report.generate": {
    weight: 1,
    input: fc.record({
      csv: fc.oneof(fc.constant("a,b\nx,1\ny,2\n"), anyText),
      groupBy: fc.constantFrom("a", "b", "constructor"),
      aggregate: fc.dictionary(fc.constantFrom("a", "b", "toString"), fc.constantFrom("sum", "count", "max")),
    }),
  },
  "links.check": {
    weight: 1,
    input: fc.record({ urls: fc.array(address, { minLength: 1, maxLength: 3 }) }),
  },
  "http.request": {
    weight: 1,
    input: fc.record(
      {
        service: fc.constantFrom("shop", "none"),
        method: fc.constantFrom("GET", "POST"),
        path: fc.oneof(fc.constant("/v1/orders"), anyText),
        body: anyJson,
      },
      { requiredKeys: ["service", "method", "path"] },
    ),
  },
};

/** A task whose type no schema says: that of a batch. */
const work: fc.Arbitrary<{ type: string; input: unknown }> = fc.oneof(
  ...Object.entries(inputs).map(([type, { weight, input }]) => ({
    weight,
    arbitrary: fc.record({ type: fc.constant(type), input }),
  })),
  { weight: 1, arbitrary: fc.record({ type: anyText, input: anyJson }) },
);

/** What fields of these names are about. */
const byName: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  callbackUrl: address,
  url: address,
  taskId: mark("task"),
  endpointId: mark("ep"),
  cursor: fc.oneof(mark("cursor"), anyText),
  project: fc.oneof(mark("prj"), fc.constantFrom("fuzz-1", "fuzz-2", "fuzz-3")),
  name: fc.constantFrom("fuzz-1", "fuzz-2", "fuzz-3", "fuzz-4"),
  task: mark("task"),
  delivery: mark("del"),
  service: fc.constantFrom("shop", "none"),
  events: fc.array(fc.constantFrom("task.*", "*", "task.succeeded", "delivery.dead", "endpoint.disabled"), {
    minLength: 1,
    maxLength: 3,
  }),
  headers: fc.dictionary(
    fc.constantFrom("x-shop", "authorization", "x-api-key", "accept"),
    fc.stringMatching(/^[ -~]{0,20}$/),
    { maxKeys: 3 },
  ),
  metadata: fc.dictionary(
    fc.constantFrom("orderId", "customer", "constructor"),
    fc.string({ maxLength: 20 }),
    {
      maxKeys: 4,
    },
  ),
};

/** Values of a schema: they fit it, as far as a schema tells. */
export function valuesOf(specification: Specification, schema: Schema, name = ""): fc.Arbitrary<unknown> {
  const known = byName[name];
  const own = fitting(specification, resolve(specification, schema));
  return known ? fc.oneof({ weight: 4, arbitrary: known }, { weight: 1, arbitrary: own }) : own;
}

function fitting(specification: Specification, schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => valuesOf(specification, one)));
  if (schema.oneOf) return fc.oneof(...schema.oneOf.map((one) => weighted(specification, one)));
  const types = [schema.type ?? []].flat();
  if (types.length === 0) return anyJson;
  return fc.oneof(...types.map((type) => ofType(specification, schema, type)));
}

/** A form of a union that `type` tells apart; what runs often is sent often. */
function weighted(specification: Specification, schema: Schema): fc.WeightedArbitrary<unknown> {
  const type = resolve(specification, schema).properties?.["type"]?.const;
  return { weight: inputs[String(type)]?.weight ?? 1, arbitrary: valuesOf(specification, schema) };
}

function ofType(specification: Specification, schema: Schema, type: string): fc.Arbitrary<unknown> {
  const { minimum, maximum, minItems, maxItems } = schema;
  switch (type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer({ min: minimum ?? -1_000, max: Math.min(maximum ?? 2 ** 31 - 1, 2 ** 31 - 1) });
    case "number":
      return fc.double({ min: minimum ?? -1e9, max: maximum ?? 1e9, noNaN: true });
    case "string":
      return texts(schema);
    case "array":
      return fc.array(valuesOf(specification, schema.items ?? {}), {
        minLength: minItems ?? 0,
        maxLength: Math.min(maxItems ?? 5, (minItems ?? 0) + 5),
      });
    default:
      return objects(specification, schema);
  }
}

function texts({ pattern, format, minLength = 0, maxLength = 200 }: Schema): fc.Arbitrary<string> {
  if (format === "date-time")
    return fc.integer({ min: -600_000, max: 600_000 }).map((ms) => `{{time:${ms}}}`);
  if (pattern?.includes("(ms|s|m|h|d)")) return duration;
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  const longest = Math.min(maxLength, minLength + 300);
  return fc.oneof(
    fc.string({ minLength, maxLength: longest }),
    fc.string({ unit: "grapheme", minLength, maxLength: Math.min(longest, 30) }),
  );
}

function objects(specification: Specification, schema: Schema): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], propertyNames, additionalProperties } = schema;
  const fields = Object.entries(properties).map(
    ([name, property]) => [name, valuesOf(specification, property, name)] as const,
  );
  const optional = fields.map(([name]) => name).filter((name) => !required.includes(name));
  // A few of what may be left out: all of it together is seldom right.
  const own = fc
    .tuple(
      fc.record(Object.fromEntries(fields)),
      fc.subarray(optional, { maxLength: Math.min(4, optional.length) }),
    )
    .map(([all, few]) => pick(all, [...required, ...few]));
  const task = "type" in properties && "input" in properties ? workOf(properties["type"]) : undefined;
  const object = task ? fc.tuple(own, task).map(([a, b]) => ({ ...a, ...b })) : own;
  if (fields.length > 0 || typeof additionalProperties !== "object") return object;
  const names = valuesOf(specification, propertyNames ?? { type: "string" }) as fc.Arbitrary<string>; // a name is a text
  return fc.dictionary(names, valuesOf(specification, additionalProperties), { maxKeys: 4 });
}

/** A task's type says what its input must be; undefined where its schema does. */
function workOf(type: Schema | undefined): fc.Arbitrary<object> | undefined {
  if (type?.const === undefined) return work;
  const known = inputs[String(type.const)];
  return known && fc.record({ input: known.input });
}

function pick(all: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}
