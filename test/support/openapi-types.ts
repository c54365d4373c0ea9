import { compile, type JSONSchema } from "json-schema-to-typescript";

type Json = Readonly<Record<string, unknown>>;

/**
 * The type `paths` of an OpenAPI document, in the form that `openapi-fetch` takes: by path and method its parameters,
 * its body and its answers. `openapi-typescript`, which writes such a file for users, needs another TypeScript than this
 * project has; so the document is written as one JSON Schema, and a compiler of those makes the types.
 */
export async function pathsOf(document: Json): Promise<string> {
  const { paths, components } = document as { paths: Json; components: { schemas: Json } }; // as OpenAPI has them
  const schema = {
    title: "paths",
    ...closed(Object.fromEntries(Object.entries(paths).map(([path, methods]) => [path, pathItem(methods)]))),
    $defs: Object.fromEntries(
      Object.entries(components.schemas).map(([name, one]) => [name, unrolled(name, one)]),
    ),
  };
  const text = JSON.stringify(schema).replaceAll('"#/components/schemas/', '"#/$defs/');
  return await compile(JSON.parse(text) as JSONSchema, "paths", {
    additionalProperties: false,
    bannerComment: "",
    format: false,
    unreachableDefinitions: false,
  }).then((code) =>
    code.replace(/\binterface Paths\b/, "interface paths").replace(/^"(\d{3})": \{$/gm, "$1: {"),
  );
}

/** A schema that refers to itself: any JSON. The compiler can write no recursion inside a member. */
function unrolled(name: string, schema: unknown): unknown {
  const own = new RegExp(`{"\\$ref":"#/components/schemas/${name.replaceAll(".", "\\.")}(/[^"]*)?"}`, "g");
  return JSON.parse(JSON.stringify(schema).replace(own, "{}"));
}

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const NEVER = { not: {}, tsType: "never" };

function pathItem(methods: unknown): Json {
  const own = methods as Readonly<Record<string, Json>>; // as OpenAPI has it
  const all = METHODS.map((method) => [method, own[method] ? operation(own[method]) : NEVER] as const);
  return closed({ parameters: closed({}), ...Object.fromEntries(all) }, (name) => own[name] !== undefined);
}

function operation({ parameters, requestBody, responses }: Json): Json {
  const given = parameters as readonly { in: string; name: string; required?: boolean; schema: Json }[];
  const places = ["query", "header", "path", "cookie"].map((place) => {
    const own = given.filter((one) => one.in === place);
    const required = own.filter((one) => one.required).map(({ name }) => name);
    const members = Object.fromEntries(own.map(({ name, schema }) => [name, schema]));
    return [place, own.length === 0 ? NEVER : closed(members, (name) => required.includes(name))] as const;
  });
  const needed = (place: string): boolean => given.some((one) => one.in === place && one.required === true);
  const body = requestBody as { required: boolean; content: Json } | undefined;
  return closed(
    {
      parameters: closed(Object.fromEntries(places), needed),
      requestBody: body ? closed({ content: closed(mediaOf(body.content)) }) : NEVER,
      responses: closed(
        Object.fromEntries(
          Object.entries(responses as Readonly<Record<string, { content?: Json }>>).map(
            ([status, answer]) => [status, content(answer.content ?? {})],
          ),
        ),
      ),
    },
    (name) => name !== "requestBody" || body?.required === true,
  );
}

function content(media: Json): Json {
  const bodies = Object.keys(media);
  const shown = closed(mediaOf(media));
  return closed(
    { headers: { type: "object", additionalProperties: true }, content: bodies.length > 0 ? shown : NEVER },
    (name) => name === "headers" || bodies.length > 0,
  );
}

/** Schemas by media type. */
function mediaOf(media: Json): Json {
  const bodies = Object.entries(media as Readonly<Record<string, { schema: Json }>>); // as OpenAPI has it
  return Object.fromEntries(bodies.map(([type, { schema }]) => [type, schema]));
}

/** An object of exactly these members. */
function closed(properties: Json, isRequired: (name: string) => boolean = () => true): Json {
  const required = Object.keys(properties).filter(isRequired);
  return { type: "object", additionalProperties: false, properties, required };
}
