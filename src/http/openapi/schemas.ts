import * as z from "zod/mini";
import { keyRequest, limitsRequest, projectRequest } from "../routes/admin.ts";
import { completeRequest, failRequest, progressRequest } from "../routes/report.ts";
import {
  endpointPatch,
  endpointRequest,
  recoverRequest,
  rotateRequest,
  signaturesRequest,
  verifyRequest,
} from "../schemas/endpoint-requests.ts";
import { batchItem, batchRequest, taskRequest } from "../schemas/task-requests.ts";
import { fields } from "./prose.ts";
import { shapes } from "./shapes.ts";

/** A piece of the document. */
export type Json = Readonly<Record<string, unknown>>;

/** The bodies that clients send, by the name under which the document keeps them. */
export const requests = {
  TaskRequest: taskRequest,
  BatchRequest: batchRequest,
  BatchItem: batchItem,
  ProgressRequest: progressRequest,
  CompleteRequest: completeRequest,
  FailRequest: failRequest,
  EndpointRequest: endpointRequest,
  EndpointPatch: endpointPatch,
  RecoverRequest: recoverRequest,
  VerifyRequest: verifyRequest,
  RotateRequest: rotateRequest,
  SignaturesRequest: signaturesRequest,
  ProjectRequest: projectRequest,
  LimitsRequest: limitsRequest,
  KeyRequest: keyRequest,
} as const;

export type RequestName = keyof typeof requests;

const DURATION = { pattern: "^\\d{1,12}(ms|s|m|h|d)$", examples: ["15m"] };

/** `components.schemas`: every shape and every request body, each once. */
export function schemas(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, shape] of Object.entries({ ...shapes, ...requests })) registry.add(shape, { id });
  const made = z.toJSONSchema(registry, {
    io: "input",
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ zodSchema, jsonSchema }) => {
      // Items are judged one by one, so the batch's own schema does not say what they are.
      if (zodSchema === batchRequest && typeof jsonSchema.properties?.["tasks"] === "object") {
        jsonSchema.properties["tasks"].items = { $ref: "#/components/schemas/BatchItem" };
      }
      // The format says it; zod's pattern for it is a screen long.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
    },
  });
  return Object.fromEntries(
    Object.entries(made.schemas).map(([name, { $schema: _schema, $id: _id, ...schema }]) => [
      name,
      described(schema as Json, fields[name] ?? {}), // a JSON schema is JSON
    ]),
  );
}

/** The schema with its fields described; a duration is recognised by its pattern. */
function described(schema: Json, texts: Readonly<Record<string, string>>): Json {
  if (Object.keys(texts).length === 0) return schema;
  const properties = Object.entries(schema["properties"] as Readonly<Record<string, Json>>); // strict objects
  return {
    ...schema,
    properties: Object.fromEntries(
      properties.map(([name, property]) => [
        name,
        {
          ...property,
          ...(property["pattern"] === DURATION.pattern && DURATION),
          ...(texts[name] !== undefined && { description: texts[name] }),
        },
      ]),
    ),
  };
}

/** The JSON schema of what a client sends. */
export function schemaOf(schema: z.core.$ZodType): Json {
  const { $schema: _schema, ...json } = z.toJSONSchema(schema, { io: "input" });
  return json;
}
