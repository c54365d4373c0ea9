import type { Denied, ReadAnswer, Scope, StoredConfig } from "../../projects/caller.ts";
import type { Client, System } from "../../projects/principal.ts";
import type { Idempotency } from "../../shared/idempotency.ts";
import type { Actor, Progress, TaskRecord } from "../../tasks/record.ts";
import type { TerminalStatus } from "../../tasks/status.ts";
import type { Held, NewDelivery } from "./delivery.ts";

/** When a task starts: milliseconds from now, or an absolute time in milliseconds. */
export type TaskStart =
  | { readonly kind: "delay"; readonly delay: number }
  | { readonly kind: "at"; readonly at: number };

export interface NewTask {
  readonly id: string;
  readonly type: string;
  readonly maxAttempts: number;
  /** JSON text. */
  readonly input: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly options: TaskRecord["options"];
  readonly callback?: TaskRecord["callback"];
  readonly trace?: string;
  /** The batch that it enters as it is accepted. */
  readonly batch?: string;
  readonly start: TaskStart;
}

export interface AcceptCommand {
  readonly caller: Client;
  readonly task: NewTask;
  readonly idempotency?: Idempotency;
  /** The scope that the key needs; `tasks:write` unless set. */
  readonly scope?: Scope;
  /** The limits where the project has none of its own. */
  readonly rateLimit: number;
  readonly maxOpen: number;
  /** The task's changes are published from the start, for so many milliseconds. */
  readonly watch?: number;
  /** Leases the first attempt to the caller, who runs it at once. */
  readonly lease?: { readonly id: string /** Milliseconds. */; readonly length: number };
}

export interface RateState {
  /** Tasks per second that the project may submit. */
  readonly limit: number;
  /** Tasks that may still be accepted at once. */
  readonly remaining: number;
  /** Milliseconds until the allowance is whole again. */
  readonly reset: number;
}

export type AcceptAnswer =
  | Denied
  | {
      readonly kind: "accepted";
      readonly record: TaskRecord;
      readonly now: number;
      readonly rate: RateState;
      /** Whether an endpoint of the project subscribes to every start. */
      readonly startsTold: boolean;
      /** The project, or the type of the task, is paused. */
      readonly paused: boolean;
      /** The configuration of the project, if the caller holds the lease of the first attempt. */
      readonly begun?: StoredConfig;
    }
  /** The idempotency key belongs to a task of the same request; or to another request. */
  | { readonly kind: "replayed"; readonly id: string }
  | { readonly kind: "reused"; readonly id: string }
  /** The idempotency key made a task that was erased; or this very request has, and arrives once more. */
  | { readonly kind: "erased"; readonly id: string }
  /** Its batch has completed, or is gone: it is not accepted any more. */
  | { readonly kind: "batch-closed" }
  /** Redis takes no request of this size: nothing was written. */
  | { readonly kind: "too-large" }
  /** The project requires an idempotency key, and the request has none. */
  | { readonly kind: "key-required" }
  /** The project has as many open tasks as it may. */
  | { readonly kind: "quota"; readonly quota: number; readonly rate: RateState }
  | { readonly kind: "rate-limited"; readonly retryAfter: number; readonly limit: number };

export type ClaimAnswer =
  /** `paused`: its project or type is; it is parked. */
  | { readonly kind: "gone" | "stale" | "waiting" | "paused" }
  | { readonly kind: "ended"; readonly deliveries: readonly string[] }
  | { readonly kind: "busy" | "early"; readonly retryAfter: number }
  | {
      readonly kind: "claimed" | "expired" | "exhausted";
      readonly record: TaskRecord;
      readonly config: StoredConfig;
      readonly now: number;
    };

export interface ClaimCommand {
  readonly project: string;
  readonly task: string;
  readonly run: number;
  readonly attempt: number;
  /** The new lease's id. */
  readonly lease: string;
  /** The limits of the task's type, when it has any. */
  readonly limits?: TypeLimits;
}

/** How many tasks of a type may run, and start; see {@link TaskDefinition}. */
export interface TypeLimits {
  readonly type: string;
  readonly concurrency?: number;
  /** Starts within `period` milliseconds. */
  readonly rate?: { readonly limit: number; readonly period: number };
  /** Whether the rate also delays this one, or the queue has enforced it and it is only counted. */
  readonly keyed: boolean;
}

export interface RenewCommand extends Omit<ClaimCommand, "limits"> {
  readonly progress?: Progress;
  /** The type in whose set of running tasks it has a place. */
  readonly held?: string;
  /** The lease keeps its end: the holder only asks whether it still holds it, and says how far it is. */
  readonly fixed?: boolean;
}

export type RenewAnswer =
  | { readonly kind: "renewed"; readonly now: number }
  | { readonly kind: "expired" | "lost" };

/** The queue has a call of a service for this attempt. */
export interface RecordCallCommand {
  readonly project: string;
  readonly task: string;
  readonly run: number;
  readonly attempt: number;
  /** The queue's id of the message; empty when it is not known yet. */
  readonly message: string;
  /** Milliseconds after which the sweep must check when no outcome has come. */
  readonly length: number;
  /** The queue still holds the message: it waits there, nothing has crashed. */
  readonly held?: boolean;
}

export type RecordCallAnswer =
  | { readonly kind: "gone" | "stale" }
  | { readonly kind: "already"; readonly deliveries: readonly string[] }
  | {
      readonly kind: "published";
      readonly record: TaskRecord;
      readonly config: StoredConfig;
      readonly now: number;
    };

/** The next poll of a waiting task, whose answer is expected within `length` milliseconds; `number` counts up. */
export interface RecordPollCommand {
  readonly record: TaskRecord;
  readonly number: number;
  readonly url: string;
  /** The service's name, so that a poll need not read the input. */
  readonly service: string;
  readonly length: number;
  readonly nonce: string;
}

/** The proof that an attempt or a task may be ended. */
export type Authority =
  | { readonly by: "lease"; readonly lease: string; readonly attempt: number }
  /** The token of this run and attempt, and the sequence that its report is based on. */
  | { readonly by: "token"; readonly attempt: number; readonly sequence: number }
  /** A client whose key may write tasks, or the gateway itself: nothing has changed since the sequence that it read. */
  | { readonly by: "sequence"; readonly sequence: number; readonly caller: Client | System };

export type Outcome =
  | { readonly kind: "retry"; readonly delay: number; readonly error: NonNullable<TaskRecord["error"]> }
  | {
      /** The handler has handed the work on: the bearer of the task's token ends it. */
      readonly kind: "waiting";
      /** Milliseconds within which the bearer must report again. */
      readonly heartbeat?: number;
      /** The address of the first poll. */
      readonly poll?: { readonly url: string; readonly service: string };
      readonly deliveries: readonly NewDelivery[];
    }
  | {
      readonly kind: TerminalStatus;
      /** Milliseconds: the time that the frozen bodies carry. */
      readonly endedAt: number;
      /** JSON text; absent without a result. */
      readonly result?: string;
      readonly error?: TaskRecord["error"];
      readonly resultTtl: number;
      readonly deliveries: readonly NewDelivery[];
    };

export interface EndCommand {
  readonly record: TaskRecord;
  readonly authority: Authority;
  readonly outcome: Outcome;
  /** Of the client's request. */
  readonly idempotency?: Idempotency;
  readonly actor: Actor;
  readonly cause?: string;
  /** The handler's last report of its progress. */
  readonly progress?: Progress;
  /** The configuration that the deliveries were made from; absent when there are none. */
  readonly configVersion?: number;
  readonly nonce: string;
}

export type EndAnswer =
  | Denied
  | {
      readonly kind: "ended";
      readonly now: number;
      readonly sequence: number;
      readonly nextAt: number;
      readonly held: Held;
      /** It was the last task of its batch: the batch is to be completed. */
      readonly batchDone?: true;
    }
  | { readonly kind: "gone" | "stale" | "deadline-passed" }
  | { readonly kind: "already"; readonly status: TerminalStatus }
  /**
   * Another caller has moved it meanwhile; or the idempotency key belongs to this very request, which was answered
   * before, or to another one.
   */
  | { readonly kind: "changed" | "repeated" | "reused"; readonly record: TaskRecord; readonly now: number }
  | { readonly kind: "config-changed"; readonly config: StoredConfig };

export interface ReplayCommand {
  readonly caller: Client;
  readonly record: TaskRecord;
  readonly idempotency?: Idempotency;
  readonly maxOpen: number;
  readonly nonce: string;
}

export type ReplayAnswer =
  | ReadAnswer<{ record: TaskRecord }>
  /** A new run; or the one that the same idempotency key began. */
  | { readonly kind: "replayed" | "repeated"; readonly now: number; readonly record: TaskRecord }
  | { readonly kind: "changed"; readonly record: TaskRecord }
  /**
   * It has not ended; its input is no longer kept; too many tasks are open; its history is as long as it may be; the
   * key belongs to another request.
   */
  | { readonly kind: "pending" | "expired" | "quota" | "worn" | "reused" };

/** A report by the bearer of a task token. */
export interface ReportCommand {
  readonly project: string;
  readonly task: string;
  readonly run: number;
  readonly attempt: number;
  /** The script sets the time. */
  readonly progress?: Omit<Progress, "at">;
}

export type ReportAnswer =
  | { readonly kind: "gone" | "stale" }
  | { readonly kind: "ended"; readonly status: TerminalStatus }
  | {
      readonly kind: "reported";
      readonly now: number;
      readonly deadlineAt: number;
      /** The task as it is now, and its project's configuration, when its progress may be announced again. */
      readonly record?: TaskRecord;
      readonly config?: StoredConfig;
    };

export interface AnnounceCommand {
  /** The run and attempt that the event is about. */
  readonly record: TaskRecord;
  /** The task's lease; absent: the report comes with the attempt's token. */
  readonly lease?: string;
  /** One event's; at least one. */
  readonly deliveries: readonly NewDelivery[];
}

export type AnnounceAnswer =
  /** Opened by this very call, or by an earlier one with the same lease. */
  | { readonly kind: "opened"; readonly now: number; readonly held: Held }
  /** Opened before, by another caller; or the attempt is over; or another event of progress was sent just now. */
  | { readonly kind: "known" | "stale" | "early" }
  /** Other deliveries of progress are newer: these. */
  | { readonly kind: "changed"; readonly newest: readonly string[] };

/** The listener to a task's changes. */
export interface Follower {
  /** From now on every change is published. */
  onOpen(): void;
  /** It has changed, and has this status now. */
  onChange(status: string): void;
  /** The stream could not be opened, broke or ended, so that no more changes arrive. Not called after `close`. */
  onLost(reason: string): void;
}

/** A stream of a task's changes; its opener closes it. */
export interface Following {
  close(): void;
}
