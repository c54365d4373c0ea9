import type { TaskRecord } from "../../../src/tasks/record.ts";
import { isTerminal, type StoredStatus, type TerminalStatus } from "../../../src/tasks/status.ts";

/** How often somebody looked in a row and found nothing moved, and the last one's nonce. */
interface Sweeps {
  readonly count: number;
  readonly nonce: string;
}

/** A task as the promises have it; times in milliseconds. */
export interface TaskModel {
  readonly id: string;
  readonly idempotencyHash: string | undefined;
  readonly batch: string | undefined;
  readonly largeInput: boolean;
  readonly maxAttempts: number;
  status: StoredStatus;
  run: number;
  sequence: number;
  attempt: number;
  crashes: number;
  nextAt: number;
  deadlineAt: number;
  lease: string;
  leaseUntil: number;
  /** A pause holds its next attempt. */
  parked: boolean;
  /** Within how long the token's bearer must report; 0: whenever. */
  heartbeat: number;
  heartbeatBy: number;
  /** Percent of what was said last. */
  progress: number | undefined;
  endedAt: number | undefined;
  resultExpiresAt: number | undefined;
  deliveries: string[];
  pastDeliveries: string[];
  /** What the scripts `end` and `replay` were last sent with. */
  endNonce: string;
  replayNonce: string;
  /** The queue's calls of a service, and which attempt they are of. */
  calls: { readonly run: number; readonly attempt: number; readonly messages: string[] } | undefined;
  due: number | undefined;
  sweeps: Sweeps | undefined;
}

/** A delivery as the promises have it; times in milliseconds. */
export interface DeliveryModel {
  readonly id: string;
  readonly task: string;
  readonly endpoint: string | undefined;
  status: "pending" | "delivered" | "dead";
  attempt: number;
  base: number;
  crashes: number;
  nextAt: number;
  lease: string;
  leaseUntil: number;
  endedAt: number | undefined;
  /** The attempts that are on record. */
  recorded: number[];
  recordNonce: string;
  redeliverNonce: string;
  due: number | undefined;
  sweeps: Sweeps | undefined;
}

/** A batch as the promises have it: its tasks by id, and the first end of each that has ended. */
export interface BatchModel {
  readonly id: string;
  status: "opening" | "open" | "completed";
  readonly tasks: Map<string, TerminalStatus | undefined>;
  completeNonce: string;
  due: number | undefined;
  sweeps: Sweeps | undefined;
}

/** A due entry that cannot be understood: by its name, or by what lies under the key that it names. */
export interface Poison {
  readonly id: string;
  readonly member: string;
  readonly by: "name" | "value";
  due: number;
}

/** One project, and the time that its scripts are told. */
export interface Model {
  now: number;
  tasks: Map<string, TaskModel>;
  deliveries: Map<string, DeliveryModel>;
  batches: Map<string, BatchModel>;
  /** By id. */
  poisons: Map<string, Poison>;
  /** Fingerprint and id of what each idempotency key made. */
  idempotency: Map<string, { print: string; id: string }>;
  /** Tasks without an idempotency key that were erased: what accepted them may come once more. */
  erased: Set<string>;
  /** Dead letters: the delivery's id, the day that it is filed under. */
  deadLetters: Map<string, number>;
  open: number;
  endings: Record<TerminalStatus, number>;
  config: { version: number; nonce: string; paused: boolean };
  /** Tasks in the list of the parked ones; those that are held no more stay until they are looked at. */
  listed: Set<string>;
  /** API keys beside the caller's, and those that were revoked: what made them may come once more. */
  keys: Set<string>;
  revoked: Map<string, string>;
  /** The project's own quota of open tasks, and what set it last. */
  quota: number | undefined;
  quotaNonce: string;
}

export function emptyModel(): Model {
  return {
    now: Date.now(),
    tasks: new Map(),
    deliveries: new Map(),
    batches: new Map(),
    poisons: new Map(),
    idempotency: new Map(),
    erased: new Set(),
    deadLetters: new Map(),
    open: 0,
    endings: { succeeded: 0, failed: 0, canceled: 0, expired: 0 },
    config: { version: 1, nonce: "", paused: false },
    listed: new Set(),
    keys: new Set(),
    revoked: new Map(),
    quota: undefined,
    quotaNonce: "",
  };
}

/** Tasks that have not ended. */
export function isOpen(task: TaskModel): boolean {
  return !isTerminal(task.status);
}

const EARLY = 1_000;
const HORIZON = 3_600_000;

/** Every moment at which some script would begin to answer otherwise. */
export function boundaries(model: Model): readonly number[] {
  const ofStart = (next: number) => [next - EARLY, next, next - HORIZON];
  const dues = [...model.poisons.values(), ...model.batches.values()].flatMap(({ due }) => due ?? []);
  return [...model.tasks.values(), ...model.deliveries.values()]
    .flatMap((one) => [
      ...ofStart(one.nextAt),
      one.leaseUntil,
      ...(one.due === undefined ? [] : [one.due]),
      ...("deadlineAt" in one ? [one.deadlineAt, one.heartbeatBy, one.resultExpiresAt ?? 0] : []),
    ])
    .concat(dues);
}

/** What a worker or a token's bearer holds: the task as it was when its attempt began. */
export interface Grant {
  readonly record: TaskRecord;
  readonly lease: string;
}

/** What a sender holds. */
export interface Sending {
  readonly delivery: string;
  readonly attempt: number;
  readonly lease: string;
}
