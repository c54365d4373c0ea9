import type { Actor, DeliveryRecord, Progress, TaskRecord } from "../domain/record.ts";
import type { TerminalStatus } from "../domain/status.ts";

/** A caller whose key passed the MAC filter; Redis decides whether the key is still there. */
export interface Caller {
  readonly project: string;
  /** Hex of the key's UUID; empty for callers that proved themselves by a signature of ours. */
  readonly key: string;
  /** Hex SHA-256 of the key's secret. */
  readonly hash: string;
}

/** What Redis refuses to a key. */
export type Denied = { readonly kind: "unauthenticated" } | { readonly kind: "forbidden" };

export type Scope =
  | "tasks:write"
  | "tasks:read"
  | "endpoints:write"
  | "endpoints:read"
  | "secrets:read"
  | "secrets:write"
  | "admin"
  | `service:${string}`;

export interface NewTask {
  readonly id: string;
  readonly type: string;
  readonly maxAttempts: number;
  /** JSON text. */
  readonly input: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly options: TaskRecord["options"];
  readonly callback?: TaskRecord["callback"];
  readonly traceparent?: string;
  /** Milliseconds from now, or an absolute time in milliseconds. */
  readonly start: { readonly delay: number } | { readonly at: number };
}

export interface AcceptCommand {
  readonly caller: Caller;
  readonly task: NewTask;
  readonly idempotency?: { readonly hash: string; readonly fingerprint: string };
  readonly rateLimit: number;
  readonly maxOpen: number;
}

export interface RateState {
  /** Tasks that may still be accepted at once. */
  readonly remaining: number;
  /** Milliseconds until the allowance is whole again. */
  readonly reset: number;
}

export type AcceptAnswer =
  | Denied
  | { readonly kind: "accepted"; readonly record: TaskRecord; readonly now: number; readonly rate: RateState }
  | { readonly kind: "replayed" | "reused"; readonly id: string }
  | { readonly kind: "quota" }
  | { readonly kind: "rate-limited"; readonly retryAfter: number };

/** A project's configuration as Redis keeps it: its version and one JSON text. */
export interface StoredConfig {
  readonly version: number;
  readonly json: string;
}

export type ClaimAnswer =
  | { readonly kind: "gone" | "stale" | "waiting" }
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
}

export type RenewAnswer =
  | { readonly kind: "renewed"; readonly now: number }
  | { readonly kind: "expired" | "lost" };

export interface NewDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly url: string;
  readonly endpointId?: string;
  readonly body: string;
  readonly traceparent?: string;
  /** The caller sends the first attempt itself: the lease's id and its length in milliseconds. */
  readonly lease?: { readonly id: string; readonly length: number };
}

/** What entitles a caller to end an attempt or a task. */
export type Authority =
  | { readonly by: "lease"; readonly lease: string; readonly attempt: number }
  | { readonly by: "sequence"; readonly sequence: number };

export type Outcome =
  | { readonly kind: "retry"; readonly delay: number; readonly error: NonNullable<TaskRecord["error"]> }
  | {
      readonly kind: TerminalStatus;
      /** Milliseconds: the time that the frozen bodies carry. */
      readonly endedAt: number;
      /** JSON text; absent when there is none. */
      readonly result?: string;
      readonly error?: TaskRecord["error"];
      readonly resultTtl: number;
      readonly deliveries: readonly NewDelivery[];
    };

export interface EndCommand {
  readonly record: TaskRecord;
  readonly authority: Authority;
  readonly outcome: Outcome;
  readonly actor: Actor;
  readonly cause?: string;
  /** The configuration that the deliveries were worked out from; absent when there are none to work out. */
  readonly configVersion?: number;
  readonly nonce: string;
}

export type EndAnswer =
  | { readonly kind: "ended"; readonly now: number; readonly sequence: number; readonly nextAt: number }
  | { readonly kind: "gone" | "stale" | "deadline-passed" }
  | { readonly kind: "already"; readonly status: TerminalStatus }
  | { readonly kind: "changed"; readonly record: TaskRecord; readonly now: number }
  | { readonly kind: "config-changed"; readonly config: StoredConfig };

export type BeginAnswer =
  | { readonly kind: "gone" | "closed" | "stale" }
  | { readonly kind: "busy" | "early"; readonly retryAfter: number }
  | {
      readonly kind: "begun";
      readonly record: DeliveryRecord;
      readonly config: StoredConfig;
      readonly now: number;
    };

export interface RecordCommand {
  readonly project: string;
  readonly delivery: string;
  readonly lease: string;
  readonly attempt: number;
  readonly outcome:
    | { readonly kind: "delivered" }
    | { readonly kind: "dead" }
    | { readonly kind: "retry"; readonly delay: number };
  /** JSON text of the attempt. */
  readonly log: string;
  /** Redis time, estimated from the last script's answer. */
  readonly at: number;
  readonly nonce: string;
}

export type RecordAnswer =
  | { readonly kind: "recorded"; readonly nextAt?: number }
  | { readonly kind: "gone" | "stale" };

/** What the sweep has to do for one due entry. */
export type DueAction =
  | { readonly kind: "none" }
  | {
      readonly kind: "run";
      readonly project: string;
      readonly task: string;
      readonly run: number;
      readonly attempt: number;
      readonly delay: number;
    }
  | {
      readonly kind: "deliver";
      readonly project: string;
      readonly delivery: string;
      readonly attempt: number;
      readonly delay: number;
    }
  | { readonly kind: "expired" | "exhausted"; readonly project: string; readonly task: string };

export type ReadAnswer<T> =
  | Denied
  | { readonly kind: "missing"; readonly now: number }
  | ({ readonly kind: "found"; readonly now: number } & T);

export interface TaskPosition {
  /** Milliseconds; the task's creation. */
  readonly at: number;
  readonly id: string;
}

export interface ApiKeyRecord {
  /** Hex of the key's UUID. */
  readonly key: string;
  readonly hash: string;
  /** Milliseconds; 0: never. */
  readonly expiresAt: number;
  readonly scopes: readonly string[];
  readonly createdAt: number;
  readonly name: string;
}

/** What the gateway keeps in Redis: one script per state change. Every call may throw StoreUnavailable. */
export interface Store {
  accept(command: AcceptCommand): Promise<AcceptAnswer>;
  claim(command: ClaimCommand): Promise<ClaimAnswer>;
  renew(command: ClaimCommand & { readonly progress?: Progress }): Promise<RenewAnswer>;
  end(command: EndCommand): Promise<EndAnswer>;
  begin(command: {
    project: string;
    delivery: string;
    attempt: number;
    lease: string;
    length: number;
  }): Promise<BeginAnswer>;
  record(command: RecordCommand): Promise<RecordAnswer>;
  redeliver(command: {
    caller: Caller;
    delivery: string;
    endedAt: number;
    nonce: string;
  }): Promise<ReadAnswer<{ record: DeliveryRecord }> | { readonly kind: "pending" }>;
  /** Members of a partition's due set whose time has come, at most 100. */
  take(partition: number): Promise<readonly string[]>;
  inspect(partition: number, members: readonly string[], nonce: string): Promise<readonly DueAction[]>;
  readTask(
    caller: Caller,
    id: string,
    include?: { input?: boolean; result?: boolean },
  ): Promise<ReadAnswer<{ record: TaskRecord }>>;
  readTasks(
    caller: Caller,
    ids: readonly string[],
  ): Promise<
    Denied | { readonly kind: "found"; readonly now: number; readonly records: readonly TaskRecord[] }
  >;
  listTasks(
    caller: Caller,
    before: TaskPosition | undefined,
    limit: number,
  ): Promise<
    | Denied
    | { readonly kind: "found"; readonly positions: readonly TaskPosition[]; readonly next?: TaskPosition }
  >;
  readDeliveries(
    caller: Caller,
    ids: readonly string[],
  ): Promise<
    Denied | { readonly kind: "found"; readonly now: number; readonly records: readonly DeliveryRecord[] }
  >;
  /** A project's configuration, for a caller with the scope. */
  readConfig(caller: Caller, scope: Scope): Promise<ReadAnswer<{ config: StoredConfig }>>;
  /** The id of the project of that name; `fresh` becomes it when there is none yet. */
  nameProject(name: string, fresh: string): Promise<string>;
  listProjects(): Promise<readonly { readonly name: string; readonly id: string }[]>;
  /** Writes the first configuration of a project; one that is there stays. */
  initProject(project: string, name: string, config: string): Promise<void>;
  putKey(project: string, key: ApiKeyRecord): Promise<void>;
  dropKey(project: string, key: string): Promise<boolean>;
  listKeys(project: string): Promise<readonly ApiKeyRecord[]>;
  ping(): Promise<boolean>;
}
