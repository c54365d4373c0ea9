import type { Delivery as DeliverySchema, DeliverySummary as SummarySchema } from "../deliveries/schema.ts";
import type * as endpoints from "../endpoints/schema.ts";
import type { Stats as StatsSchema } from "../figures/schema.ts";
import type { Diagnosis as DiagnosisSchema } from "../http/routes/admin/deployment.ts";
import type { TaskType as TaskTypeSchema } from "../http/routes/task-types.ts";
import type { BulkAnswer as BulkAnswerSchema } from "../http/routes/tasks/bulk.ts";
import type { EndpointPatch, EndpointRequest, RecoverRequest } from "../http/schemas/endpoint-requests.ts";
import type { TaskRequest as TaskRequestSchema } from "../http/schemas/task-requests.ts";
import type { HttpRequest as Request, HttpResult as Result } from "../services/http-request.ts";
import type { Problem as ProblemSchema } from "../shared/schema/problem-schema.ts";
import type { Infer, Written } from "../shared/schema/schema.ts";
import type { Batch as BatchSchema } from "../tasks/batch/schema.ts";
import type { Task as TaskSchema } from "../tasks/schema.ts";

/*
 * The types of requests and answers, by the schemas of the resources: types alone, so that a client loads no schema.
 * No other file of the client reaches them.
 */

/** A task as the gateway answers it. */
export type WireTask = Infer<typeof TaskSchema>;
export type TaskStatus = WireTask["status"];
/** A task as a client submits it. */
export type TaskRequest = Written<typeof TaskRequestSchema>;

export type Batch = Infer<typeof BatchSchema>;

export type DeliverySummary = Infer<typeof SummarySchema>;
export type Delivery = Infer<typeof DeliverySchema>;

export type Endpoint = Infer<typeof endpoints.Endpoint>;
export type EndpointWithHealth = Infer<typeof endpoints.EndpointWithHealth>;
export type NewEndpoint = Infer<typeof endpoints.NewEndpoint>;
export type ChangedEndpoint = Infer<typeof endpoints.ChangedEndpoint>;
export type SigningSecret = Infer<typeof endpoints.SigningSecret>;
export type TestAttempt = Infer<typeof endpoints.TestAttempt>;
export type Recovery = Infer<typeof endpoints.Recovery>;
export type EndpointSettings = Written<typeof EndpointRequest>;
export type EndpointChange = Written<typeof EndpointPatch>;
export type RecoverOptions = Written<typeof RecoverRequest>;

export type Problem = Infer<typeof ProblemSchema>;
export type ValidationError = NonNullable<Problem["errors"]>[number];

/** The task type that every gateway offers: a request that the queue makes to a service. */
export type HttpRequest = Request;
export type HttpResult = Result;

export type Stats = Infer<typeof StatsSchema>;

/* Answers without a method of the client; the console and the command line read them. */

/** `POST /admin/doctor`. */
export type Diagnosis = Infer<typeof DiagnosisSchema>;
/** An item of `GET /v1/task-types`. */
export type TaskType = Infer<typeof TaskTypeSchema>;
/** One page of `POST /v1/tasks/cancel` and `/replay`. */
export type BulkAnswer = Infer<typeof BulkAnswerSchema>;
