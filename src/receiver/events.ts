import type {
  BatchData,
  DeadDeliveryData,
  DisabledData,
  TaskEventData,
  TaskEventType,
  TestData,
  VerificationData,
} from "./event-data.ts";

interface Event<Type extends string, Data> {
  /** The event's id, `webhook-id`: the same on every attempt. Do each id's work once. */
  readonly id: string;
  readonly type: Type;
  /** When it happened, RFC 3339 in UTC. */
  readonly timestamp: string;
  readonly data: Data;
}

/** There is no `id`: the event is of no task, and of no batch. */
interface NoTask {
  readonly id?: never;
}

export type TaskEvent = { readonly [Type in TaskEventType]: Event<Type, TaskEventData> }[TaskEventType];

/** Every accepted task of a batch has ended once. */
export type BatchEvent = Event<"batch.completed", BatchData>;

/** The common data of all events about a registered endpoint. */
export type EndpointEventData = Pick<TestData, "project" | "endpointId"> & NoTask;

/**
 * An endpoint must answer `endpoint.verification` with `{"challenge": data.challenge}` before it is sent anything else.
 */
export type EndpointEvent =
  | Event<"endpoint.verification", VerificationData & NoTask>
  | Event<"endpoint.test", TestData & NoTask>
  | Event<"endpoint.disabled", DisabledData & NoTask>
  | Event<"delivery.dead", DeadDeliveryData & NoTask>;

/**
 * Every event of a gateway, with `type` as the discriminator. A newer gateway may send types that are not listed here:
 * answer them with 200 and ignore them (a `default` in a `switch`).
 */
export type CallbackEvent = TaskEvent | BatchEvent | EndpointEvent;
