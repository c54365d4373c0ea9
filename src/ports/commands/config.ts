import type { Denied, Scope, StoredConfig } from "../../projects/caller.ts";
import type { Client, System } from "../../projects/principal.ts";
import type { Idempotency } from "../../shared/idempotency.ts";
import type { NewDelivery } from "./delivery.ts";

export interface ConfigureCommand {
  readonly caller: Client | System;
  /** The scope that the caller's key needs. */
  readonly scope: Scope;
  /** The version that was read and changed. */
  readonly version: number;
  /** JSON text. */
  readonly json: string;
  /** Whether an endpoint subscribes to every start of a task; `accept` returns it. */
  readonly startsTold?: boolean;
  /** The paused task types; `*`: all of the project. */
  readonly paused?: readonly string[];
  /** Parked tasks may start again: the sweep is to look after them. */
  readonly resumes?: boolean;
  /** The subject of the change: an endpoint's id, or the project's for its own. */
  readonly id: string;
  readonly idempotency?: Idempotency;
  /** The deliveries that announce the change. */
  readonly deliveries: readonly NewDelivery[];
  readonly nonce: string;
}

export type ConfigureAnswer =
  | Denied
  | { readonly kind: "missing"; readonly now: number }
  | { readonly kind: "configured"; readonly now: number; readonly version: number }
  /** Another caller has written meanwhile: this is the current configuration. */
  | { readonly kind: "changed"; readonly now: number; readonly config: StoredConfig }
  /** The idempotency key belongs to this very request, which was answered before, or to another one. */
  | {
      readonly kind: "repeated" | "reused";
      readonly now: number;
      readonly config: StoredConfig;
      readonly id: string;
    };

/** The earlier request with the same idempotency key. */
export interface KnownRequest {
  readonly fingerprint: string;
  readonly id: string;
}

/** The form in which everything is stored. */
export interface StoredForm {
  readonly version: number;
  /** Whether encrypted texts are bound to their purpose and project: the previous release cannot decrypt these. */
  readonly bound: boolean;
}
