/** What every task event says. A thin event says no more than this; fetch the rest from `links.self`. */
export interface TaskEventData {
  readonly id: string;
  /** The task's type. */
  readonly type: string;
  readonly project: string;
  readonly status:
    | "scheduled"
    | "queued"
    | "running"
    | "waiting"
    | "succeeded"
    | "failed"
    | "canceled"
    | "expired";
  readonly done: boolean;
  /** 1, and one more with each replay. */
  readonly run: number;
  /** Grows with each change of the task: of two events, the one with the higher number is newer. */
  readonly sequence: number;
  readonly links: {
    readonly self: string;
    readonly result: string;
    readonly events: string;
    readonly cancel: string;
  };
  readonly attempt?: number;
  readonly maxAttempts?: number;
  /** Times are RFC 3339 in UTC. */
  readonly createdAt?: string;
  readonly notBefore?: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly deadlineAt?: string;
  readonly resultExpiresAt?: string;
  readonly progress?: { readonly percent?: number; readonly message?: string; readonly at: string };
  readonly metadata?: Readonly<Record<string, string>>;
  /** Any JSON; absent when there is none, or when `resultOmitted`. */
  readonly result?: unknown;
  /** The result is large: `links.result` gives it, without a key. */
  readonly resultOmitted?: true;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    /** With `deadline-exceeded`: why the last attempt failed that did. */
    readonly lastFailure?: { readonly code: string; readonly message: string; readonly attempt: number };
  };
}

/** What every event about a registered endpoint says. */
export interface EndpointEventData {
  /** There is none: it is of no task. */
  readonly id?: never;
  readonly project: string;
  readonly endpointId: string;
}

/** What is told of a delivery that was given up. */
export interface DeadDeliveryData {
  /** There is none: the delivery's is `deliveryId`. */
  readonly id?: never;
  readonly project: string;
  readonly deliveryId: string;
  readonly taskId?: string;
  /** The endpoint that it was for; absent: the task's `callbackUrl`. */
  readonly endpointId?: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly url: string;
  readonly attempts: number;
  readonly error?: { readonly code: string; readonly message: string };
}

interface Event<Type extends string, Data> {
  /** The event's id, `webhook-id`: the same on every attempt. Do each id's work once. */
  readonly id: string;
  readonly type: Type;
  /** When it happened, RFC 3339 in UTC. */
  readonly timestamp: string;
  readonly data: Data;
}

export type TaskEvent =
  | Event<"task.succeeded", TaskEventData>
  | Event<"task.failed", TaskEventData>
  | Event<"task.canceled", TaskEventData>
  | Event<"task.expired", TaskEventData>
  | Event<"task.started", TaskEventData>
  | Event<"task.waiting", TaskEventData>
  | Event<"task.progress", TaskEventData>;

/** An endpoint must answer `endpoint.verification` with `{"challenge": data.challenge}` before it is sent anything else. */
export type EndpointEvent =
  | Event<"endpoint.verification", EndpointEventData & { readonly challenge: string }>
  | Event<"endpoint.test", EndpointEventData & { readonly message: string }>
  | Event<
      "endpoint.disabled",
      EndpointEventData & {
        readonly url: string;
        readonly reason: "failing" | "gone" | "receiver";
        readonly disabledAt: string;
      }
    >
  | Event<"delivery.dead", DeadDeliveryData>;

/**
 * What a gateway sends, told apart by `type`. A newer gateway may send types that are not listed here: answer them with
 * 200 and ignore them (a `default` in a `switch`).
 */
export type CallbackEvent = TaskEvent | EndpointEvent;
