import * as z from "zod/mini";
import { components } from "../../shared/schema/schema.ts";
import type { AnyTask } from "../../task.ts";

/** A piece of the document. */
export type Json = Readonly<Record<string, unknown>>;

const refTo = (name: string) => `#/components/schemas/${name}`;

/** A schema as JSON Schema: the form that a client writes, without parts that JSON Schema cannot express. */
const OPTIONS = {
  io: "input",
  unrepresentable: "any",
  override: ({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }) => {
    // The format is enough; zod's pattern for it is a screen long.
    if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
  },
} as const;

/** `components.schemas`: every component once, and a task once more for each type that a client may submit. */
export function schemas(tasks: Iterable<AnyTask>): Json {
  const made = z.toJSONSchema(components, { ...OPTIONS, uri: refTo });
  const named = Object.fromEntries(
    Object.entries(made.schemas).map(([name, { $schema: _schema, $id: _id, ...schema }]) => [name, schema]),
  );
  return { ...named, ...byTaskType(named, [...tasks]) };
}

/** The JSON schema of client input outside of the components. */
export function schemaOf(schema: z.core.$ZodType): Json {
  const { $schema: _schema, ...json } = z.toJSONSchema(schema, OPTIONS);
  return json;
}

/**
 * The JSON schema of a task type's input or result. A schema that cannot be written (two parts of one id, a default that
 * throws, metadata that JSON cannot hold) says so in its place: the other types are described all the same.
 */
export function taskSchemaOf(schema: z.core.$ZodType): Json {
  try {
    return JSON.parse(JSON.stringify(schemaOf(schema))) as Json; // as it is sent
  } catch {
    return { description: "This schema cannot be written as JSON Schema." };
  }
}

/** `{$ref}` of a component with its example; of any other schema its JSON schema. */
export function contentOf(schema: z.core.$ZodType): Json {
  const known = components.get(schema);
  if (!known) return { schema: schemaOf(schema) };
  return { schema: { $ref: refTo(known.id) }, example: known.example };
}

/**
 * The union `TaskRequest` of all requests, with `type` as its discriminator: each form has the fields of every task, and
 * the input of its type. `Result` is the union of the result schemas of all types, and of any other JSON.
 */
function byTaskType(
  { TaskRequest = {}, Result = {} }: Readonly<Record<string, Json>>,
  tasks: readonly AnyTask[],
): Json {
  const named = tasks.map((task) => ({ task, name: task.type.replace(/[^\w.-]/g, "_") })); // as a component's may be
  const forms = named.map(
    ({ task, name }) => [`TaskRequest.${name}`, formOf(TaskRequest, task, name)] as const,
  );
  const results = named.flatMap(({ task, name }) =>
    task.result ? [[`TaskResult.${name}`, embedded(task.result, `TaskResult.${name}`)] as const] : [],
  );
  return {
    TaskRequest: {
      description: TaskRequest["description"],
      oneOf: forms.map(([form]) => ({ $ref: refTo(form) })),
      discriminator: {
        propertyName: "type",
        mapping: Object.fromEntries(named.map(({ task, name }) => [task.type, refTo(`TaskRequest.${name}`)])),
      },
    },
    Result: {
      ...Result,
      anyOf: [
        ...results.map(([result]) => ({ $ref: refTo(result) })),
        { description: "For a type without a result schema: any JSON." },
      ],
    },
    ...Object.fromEntries([...forms, ...results]),
  };
}

function formOf(base: Json, { type, summary, input }: AnyTask, name: string): Json {
  const properties = {
    ...(base["properties"] as Json), // of an object
    type: { const: type, description: "The task type." },
    input: embedded(input, `TaskRequest.${name}/properties/input`),
  };
  return { ...base, description: summary ?? `A task of the type ${type}.`, properties };
}

/**
 * The schema of a task type's own, at its place in the document: where it refers to itself, it refers to that place.
 */
function embedded(schema: z.core.$ZodType, place: string): Json {
  const json = JSON.stringify(taskSchemaOf(schema)).replaceAll(/"\$ref":"#/g, `"$ref":"${refTo(place)}`);
  return JSON.parse(json) as Json; // written from one
}
