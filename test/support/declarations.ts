import * as z from "zod";
import type { Answer, Route } from "../../src/http/pipeline/route.ts";
import { components } from "../../src/shared/schema/schema.ts";

const NAMED = "is no component(), which has a name, a description and an example";

// A test may run what does not compile: a text may be missing.
const blank = (text: string | undefined): boolean => (text ?? "").trim() === "";

/** The faults of a route's declaration that the compiler cannot see, each as a sentence that names the route. */
export function faultsOf(route: Route, routes: readonly Route[]): readonly string[] {
  const faults: string[] = [];
  if (blank(route.summary)) faults.push("summary is empty");
  if (blank(route.description) || route.description.trim().length < 10)
    faults.push("description is no sentence");
  for (const [, name = ""] of route.path.matchAll(/:(\w+)/g)) {
    if (!(name in (route.params ?? {}))) faults.push(`the path has :${name}, params has not`);
  }
  for (const [name, { description = "" }] of Object.entries(fieldsOf(route.query))) {
    if (blank(description)) faults.push(`the query parameter ${name} has no description`);
  }
  if (route.body && route.access !== "queue" && !components.has(route.body)) faults.push(`the body ${NAMED}`);
  const answers = Object.entries(route.answers).flatMap(([status, answer]) =>
    answerFaults(status, answer, routes),
  );
  return [...faults, ...answers].map((fault) => `${route.operation}: ${fault}`);
}

function answerFaults(status: string, answer: Answer, routes: readonly Route[]): readonly string[] {
  const known = (link: string): boolean => routes.some(({ operation }) => operation === link);
  return [
    ...(blank(answer.description) ? [`the description of ${status} is empty`] : []),
    ...(answer.body && !components.has(answer.body) ? [`the body of ${status} ${NAMED}`] : []),
    ...(answer.links ?? [])
      .filter((link) => !known(link))
      .map((link) => `${status} links to ${link}, which is no operation`),
  ];
}

interface Json {
  readonly description?: string;
  readonly $ref?: string;
  readonly items?: Json;
  readonly properties?: Readonly<Record<string, Json>>;
}

function fieldsOf(schema: z.core.$ZodType | undefined): Readonly<Record<string, Json>> {
  if (!schema) return {};
  const { properties = {} } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Json; // of an object
  return properties;
}

interface Component {
  readonly type: z.core.$ZodType;
  readonly example: unknown;
  /** Fields without a description. */
  readonly mute: readonly string[];
  /** Fields of the example that the schema does not have. */
  readonly unknown: readonly string[];
}

/** The components of a document, by name. */
export function componentsIn(document: Readonly<Record<string, unknown>>): readonly [string, Component][] {
  const { schemas } = document["components"] as { readonly schemas: Readonly<Record<string, Json>> }; // as OpenAPI has them
  return Object.entries(schemas).map(([name, json]) => {
    // A task's request is a union in the document, of forms that the registered schema knows nothing about.
    const type = components._idmap.get(name);
    if (!type) throw new Error(`${name} is in the document, and no component().`);
    const example = components.get(type)?.example;
    const shape = name === "TaskRequest" ? { properties: fieldsOf(type) } : json;
    return [
      name,
      { type, example, mute: muteIn(shape, name), unknown: unknownIn(shape, example, name, schemas) },
    ];
  });
}

function muteIn(json: Json, path: string): string[] {
  return Object.entries(json.properties ?? {}).flatMap(([name, property]) => [
    ...(property.$ref || property.description ? [] : [`${path}.${name}`]),
    ...muteIn(property.items ?? property, `${path}.${name}`),
  ]);
}

function unknownIn(
  json: Json,
  value: unknown,
  path: string,
  schemas: Readonly<Record<string, Json>>,
): string[] {
  const { properties, items } = schemas[json.$ref?.split("/").at(-1) ?? ""] ?? json;
  if (Array.isArray(value))
    return items ? value.flatMap((one) => unknownIn(items, one, `${path}[]`, schemas)) : [];
  if (typeof value !== "object" || value === null || !properties) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const property = properties[name];
    return property ? unknownIn(property, member, `${path}.${name}`, schemas) : [`${path}.${name}`];
  });
}
