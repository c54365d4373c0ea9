import type { NewDelivery } from "../../../src/ports/commands/delivery.ts";
import type { Authority, Outcome } from "../../../src/ports/commands/task.ts";
import type { ParkedTask } from "../../../src/ports/stores/pause-store.ts";
import type { Idempotency } from "../../../src/shared/idempotency.ts";
import type { BatchRecord } from "../../../src/tasks/batch/record.ts";
import type { TaskRecord } from "../../../src/tasks/record.ts";

/** A script with everything that it is sent with: sent again it is the same, nonce and all. */
export type Operation =
  | {
      readonly kind: "accept";
      readonly id: string;
      readonly delay: number;
      readonly deadline: number;
      readonly largeInput: boolean;
      readonly batch?: string;
      readonly idempotency?: Idempotency;
      /** Of the first attempt, which its caller runs at once. */
      readonly lease?: string;
    }
  | {
      readonly kind: "claim";
      readonly id: string;
      readonly run: number;
      readonly attempt: number;
      readonly lease: string;
    }
  | {
      readonly kind: "renew";
      readonly id: string;
      readonly run: number;
      readonly attempt: number;
      readonly lease: string;
      /** Percent. */
      readonly progress: number | undefined;
      /** The lease keeps its end. */
      readonly fixed: boolean;
    }
  | {
      readonly kind: "report";
      readonly id: string;
      readonly run: number;
      readonly attempt: number;
      readonly progress: number | undefined;
    }
  | {
      readonly kind: "end";
      readonly record: TaskRecord;
      readonly authority: Authority;
      readonly outcome: Outcome;
      readonly idempotency?: Idempotency;
      /** The version of the project's configuration that the deliveries were made from. */
      readonly configVersion?: number;
      readonly nonce: string;
    }
  | {
      /** The queue calls a service for an attempt; `held`: it has not yet. */
      readonly kind: "published";
      readonly id: string;
      readonly run: number;
      readonly attempt: number;
      readonly message: string;
      readonly held: boolean;
    }
  | {
      /** The holder of a lease tells that the attempt has begun. */
      readonly kind: "announce";
      readonly record: TaskRecord;
      readonly lease: string;
      readonly deliveries: readonly NewDelivery[];
    }
  | {
      readonly kind: "replay";
      readonly record: TaskRecord;
      readonly idempotency?: Idempotency;
      readonly nonce: string;
    }
  | { readonly kind: "erase"; readonly record: TaskRecord }
  | {
      readonly kind: "begin";
      readonly delivery: string;
      readonly attempt: number;
      readonly lease: string;
    }
  | {
      readonly kind: "record";
      readonly delivery: string;
      readonly attempt: number;
      readonly lease: string;
      readonly outcome: "delivered" | "dead" | "retry";
      readonly endpoint: string | undefined;
      readonly at: number;
      readonly nonce: string;
    }
  | {
      readonly kind: "redeliver";
      readonly delivery: string;
      readonly endpoint: string | undefined;
      readonly endedAt: number;
      readonly nonce: string;
    }
  | { readonly kind: "openBatch"; readonly id: string }
  | {
      readonly kind: "settle";
      readonly batch: string;
      readonly tasks: readonly string[];
      readonly keep: boolean;
    }
  | {
      readonly kind: "complete";
      readonly record: BatchRecord;
      readonly completedAt: number;
      readonly configVersion: number;
      readonly nonce: string;
    }
  | { readonly kind: "unpark"; readonly tasks: readonly ParkedTask[] }
  /** Many at once, as a bulk request sends them. */
  | { readonly kind: "endMany"; readonly ends: readonly Of<"end">[] }
  | { readonly kind: "replayMany"; readonly replays: readonly Of<"replay">[] }
  | {
      readonly kind: "configure";
      readonly version: number;
      readonly nonce: string;
      /** The whole project is paused from now on. */
      readonly paused: boolean;
    }
  | { readonly kind: "grant"; readonly key: string }
  | { readonly kind: "revoke"; readonly key: string; readonly nonce: string }
  | { readonly kind: "limit"; readonly maxOpen: number | null; readonly nonce: string }
  | { readonly kind: "inspect"; readonly members: readonly string[]; readonly nonce: string };

export type Of<Kind extends Operation["kind"]> = Extract<Operation, { kind: Kind }>;

/** What a script answers, as far as time does not change it. */
export type Answer = readonly (string | number)[];

/** What is the same for all: limits of the project, lengths of leases and delays, in milliseconds. */
export const MAX_OPEN = 4;
export const MAX_ATTEMPTS = 3;
export const IMMEDIATE_LEASE = 25_000;
export const DELIVERY_LEASE = 20_000;
export const DELIVERY_DELAY = 45_000;
export const RESULT_TTL = 6 * 3_600_000;
export const CALL_LENGTH = 90_000;

/** API keys that are made and revoked; nobody uses them. */
export const LENT = {
  hash: "cd".repeat(32),
  expiresAt: 0,
  scopes: ["tasks:read"],
  createdAt: 1,
  name: "lent",
};

/** An input that has a key of its own. */
export const LARGE = JSON.stringify("x".repeat(17 * 1024));
