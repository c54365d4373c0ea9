import type {
  deadDeliveryData,
  disabledData,
  taskEventData,
  taskEventType,
  testData,
  verificationData,
} from "../events/schema.ts";
import type { Infer } from "../shared/schema/schema.ts";
import type { batchData } from "../tasks/batch/schema.ts";

/*
 * The data of events, by the schemas of their bodies: types alone, so that the receiving side loads none of them. The
 * build writes them out (scripts/event-data.ts), because a receiver has no zod.
 */

export type TaskEventType = Infer<typeof taskEventType>;
export type TaskEventData = Infer<typeof taskEventData>;
export type BatchData = Infer<typeof batchData>;
export type VerificationData = Infer<typeof verificationData>;
export type TestData = Infer<typeof testData>;
export type DisabledData = Infer<typeof disabledData>;
export type DeadDeliveryData = Infer<typeof deadDeliveryData>;
