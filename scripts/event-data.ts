import { compile, type JSONSchema } from "json-schema-to-typescript";
import * as z from "zod/mini";
import * as events from "../src/events/schema.ts";
import { batchData } from "../src/tasks/batch/schema.ts";

/** A schema as JSON Schema; the two libraries' types of the same drafts differ. */
function written(schema: z.core.$ZodType): JSONSchema {
  const { $schema: _schema, ...json } = z.toJSONSchema(schema, { io: "input" });
  return json as JSONSchema;
}

/**
 * The declarations of src/receiver/event-data.ts: the same types by the same schemas, as a receiver without zod can
 * have them.
 */
export async function eventData(): Promise<string> {
  const schemas: Readonly<Record<string, z.core.$ZodType>> = {
    TaskEventType: events.taskEventType,
    TaskEventData: events.taskEventData,
    BatchData: batchData,
    VerificationData: events.verificationData,
    TestData: events.testData,
    DisabledData: events.disabledData,
    DeadDeliveryData: events.deadDeliveryData,
  };
  const types = Object.entries(schemas).map(([name, schema]) =>
    compile(written(schema), name, {
      additionalProperties: false,
      bannerComment: "",
    }),
  );
  return (await Promise.all(types)).join("\n");
}
