/* The answers of the API, by the resources' own schemas; no other file of the console looks at them. */

import type { TaskType as ListedTaskType } from "../../client/types.ts";
import type { Delivery } from "../../deliveries/schema.ts";
import type { EndpointWithHealth, Recovery as RecoverySchema, TestAttempt } from "../../endpoints/schema.ts";
import type { Stats as StatsSchema } from "../../figures/schema.ts";
import type { Infer } from "../../shared/schema/schema.ts";

export type { BulkAnswer as BulkStep, Diagnosis } from "../../client/types.ts";
export type { Delivery, DeliverySummary } from "../../deliveries/schema.ts";
export type { Endpoint, SigningSecret } from "../../endpoints/schema.ts";
export type { Key, LimitedProject, Project } from "../../projects/schema.ts";
export type { Task, TimelineItem } from "../../tasks/schema.ts";

/** An endpoint, with its health. */
export type ListedEndpoint = Infer<typeof EndpointWithHealth>;

/** `GET /v1/stats`. */
export type Stats = Infer<typeof StatsSchema>;

export interface Page<Item> {
  readonly data: readonly Item[];
  readonly nextCursor: string | null;
}

/** `GET /console/session`. */
export interface Session {
  readonly kind: "admin" | "api-key";
  readonly project?: string;
  readonly scopes: readonly string[];
  readonly expiresAt: string;
  readonly url: string;
  readonly version: string;
}

/** A JSON Schema, as far as forms are made from it. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

/** An item of `GET /v1/task-types`. */
export type TaskType = Omit<ListedTaskType, "input" | "result"> & {
  readonly input: JsonSchema;
  readonly result?: JsonSchema;
};

/** `POST /v1/endpoints/{id}/test`. */
export type TestOutcome = Infer<typeof TestAttempt>;

/** One attempt at a callback. */
export type Attempt = Delivery["attempts"][number];

/** `POST /v1/endpoints/{id}/recover`. */
export type Recovery = Infer<typeof RecoverySchema>;

/** Problem details (RFC 9457). */
export interface ProblemBody {
  readonly type?: string;
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  readonly code?: string;
  readonly requestId?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}
