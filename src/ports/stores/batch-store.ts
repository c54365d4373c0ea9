import type { Denied, ReadAnswer, Scope, StoredConfig } from "../../projects/caller.ts";
import type { Client, System } from "../../projects/principal.ts";
import type { Idempotency } from "../../shared/idempotency.ts";
import type { BatchRecord } from "../../tasks/batch/record.ts";
import type { NewDelivery } from "../commands/delivery.ts";

export interface NewBatch {
  readonly id: string;
  readonly callbackUrl?: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly trace?: string;
}

export interface OpenBatchCommand {
  readonly caller: Client;
  /** The scopes of its items: the key needs one of them. */
  readonly scopes: readonly Scope[];
  readonly batch: NewBatch;
  readonly idempotency?: Idempotency;
}

export type OpenBatchAnswer =
  | Denied
  | { readonly kind: "opened" }
  /** The same request made this batch under the idempotency key. */
  | { readonly kind: "known"; readonly id: string }
  /** Another request was made under the idempotency key. */
  | { readonly kind: "reused"; readonly id: string };

export interface SettleBatchCommand {
  readonly project: string;
  readonly batch: string;
  /** Tasks that may have ended without being counted: these are read. */
  readonly tasks: readonly string[];
  /** It is kept although none of its items was accepted: they all were accepted before. */
  readonly keep: boolean;
  readonly idempotencyHash?: string;
}

/** `due`: each of its tasks has ended once. `dropped`: it has no task, and is gone. */
export type SettleBatchAnswer = "open" | "due" | "completed" | "dropped" | "gone";

export interface CompleteBatchCommand {
  readonly record: BatchRecord;
  /** Milliseconds: the time in the frozen body. */
  readonly completedAt: number;
  readonly deliveries: readonly NewDelivery[];
  /** The version of the configuration that the deliveries were made from. */
  readonly configVersion: number;
  readonly nonce: string;
}

export type CompleteBatchAnswer =
  | { readonly kind: "completed" | "already" | "changed" | "gone" }
  | { readonly kind: "config-changed"; readonly config: StoredConfig };

/** Keeps batches with one callback. */
export interface BatchStore {
  /** Writes a batch before its tasks are accepted. */
  openBatch(command: OpenBatchCommand): Promise<OpenBatchAnswer>;
  /** All of its tasks are accepted: says whether it is complete. */
  settleBatch(command: SettleBatchCommand): Promise<SettleBatchAnswer>;
  /** Opens the deliveries of its one event. */
  completeBatch(command: CompleteBatchCommand): Promise<CompleteBatchAnswer>;
  readBatch(
    caller: Client | System,
    id: string,
  ): Promise<ReadAnswer<{ record: BatchRecord; config: StoredConfig }>>;
}
