/* The reports and observations of a storm, and the state after it: everything that the checker knows. */

/** A task as an answer or a callback reported it. */
export interface Seen {
  readonly id: string;
  readonly status: string;
  readonly run: number;
  readonly sequence: number;
  readonly done: boolean;
}

/** One answer to a client; a status of 0: none came, or it broke off. */
export interface ClientAnswer {
  /** Unix milliseconds at which the request was sent and its answer was there. */
  readonly from: number;
  readonly at: number;
  readonly act: "submit" | "reuse" | "misuse" | "cancel" | "replay" | "erase" | "read" | "complete";
  readonly status: number;
  readonly code?: string;
  readonly task?: Seen;
}

/** One client's requests for one task, and all their answers. */
export interface Story {
  /** Sent as the task's metadata: two tasks of one story are one too many. */
  readonly ref: string;
  readonly project: string;
  readonly type: string;
  /** The events that its callback URL subscribes to; empty without one. */
  readonly asked: readonly string[];
  readonly told: ClientAnswer[];
}

/** A callback as it arrived, and its task as it stood in Redis at that moment. */
export interface Callback {
  readonly at: number;
  /** `callback`, or the endpoint's id. */
  readonly target: string;
  readonly project: string;
  readonly ref: string | undefined;
  readonly id: string;
  readonly type: string;
  readonly body: string;
  readonly isSigned: boolean;
  readonly task: Seen;
  /** Missing when it was erased, or Redis could not be asked. */
  readonly stored?: Seen;
}

/** A handler was seen at work; in the phase `called` it was a service, which has no lease. */
export interface Execution {
  /** Unix milliseconds, by the handler's own clock. */
  readonly at: number;
  /** The process, by the name that its stalls have. */
  readonly on: string;
  readonly task: string;
  readonly run: number;
  readonly attempt: number;
  readonly execution: string;
  readonly phase: string;
}

export interface TimelineItem {
  readonly sequence: number;
  readonly at: number;
  readonly run: number;
  readonly type: string;
  readonly cause?: string | undefined;
}

export interface FoundDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly status: string;
  readonly endpointId?: string | undefined;
}

/** A process stood still between two moments (Unix milliseconds), and did not know. */
export interface Stall {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** An API key that was made and revoked, and how it was answered after that. */
export interface LentKey {
  readonly id: string;
  /** Unix milliseconds at which it was confirmed. */
  readonly revokedAt: number;
  readonly uses: { readonly at: number; readonly status: number }[];
}

/** The faults in the state of Redis at one moment: at most twenty of each kind. */
export interface Audit {
  readonly at: number;
  /** Tasks and deliveries that were there. */
  readonly seen: number;
  /** Open tasks and deliveries without a due entry, and due entries of ended ones. */
  readonly undue: readonly string[];
  /** Open tasks and deliveries with a TTL, and ended ones without. */
  readonly mortal: readonly string[];
  readonly miscounted: readonly string[];
  /** Tasks and deliveries that were looked at more often than a doubling pause allows. */
  readonly hasty: readonly string[];
}

/** A task as it was found at the end. */
export interface Found extends Seen {
  readonly type: string;
  /** The code of its error, if it has one. */
  readonly error?: string | undefined;
  /** Unix milliseconds, of its last run. */
  readonly deadlineAt: number;
  readonly ref: string | undefined;
  readonly project: string;
  readonly result?: unknown;
  readonly timeline: readonly TimelineItem[];
  readonly deliveries: readonly FoundDelivery[];
}

/** A project's books at the end, as Redis keeps them. */
export interface Books {
  readonly project: string;
  readonly open: number;
  /** By status: how many runs ended so. */
  readonly ended: Readonly<Record<string, number>>;
}

export interface History {
  readonly stories: readonly Story[];
  readonly callbacks: readonly Callback[];
  readonly executions: readonly Execution[];
  readonly stalls: readonly Stall[];
  readonly lent: readonly LentKey[];
  /** The state of Redis, again and again. */
  readonly audits: readonly Audit[];
  readonly found: readonly Found[];
  readonly books: readonly Books[];
  /** Members of the due set that were left at the end of the time. */
  readonly due: readonly string[];
  /** By project: the ids of its endpoints, with the events that each subscribes to. */
  readonly endpoints: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}
