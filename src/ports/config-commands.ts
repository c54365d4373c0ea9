import type { Denied, Scope, StoredConfig } from "../projects/caller.ts";
import type { ApiKey, System } from "../projects/principal.ts";
import type { Idempotency } from "../shared/idempotency.ts";
import type { NewDelivery } from "./delivery-commands.ts";

export interface ConfigureCommand {
  readonly caller: ApiKey | System;
  /** What the caller's key must be allowed. */
  readonly scope: Scope;
  /** The version that was read and changed. */
  readonly version: number;
  /** JSON text. */
  readonly json: string;
  /** An endpoint is told of every start of a task; `accept` says so. */
  readonly startsTold?: boolean;
  /** What was changed: an endpoint's id, or the project's for its own. */
  readonly id: string;
  readonly idempotency?: Idempotency;
  /** What tells of the change. */
  readonly deliveries: readonly NewDelivery[];
  readonly nonce: string;
}

export type ConfigureAnswer =
  | Denied
  | { readonly kind: "missing"; readonly now: number }
  | { readonly kind: "configured"; readonly now: number; readonly version: number }
  /** Somebody else has written meanwhile: this is the configuration now. */
  | { readonly kind: "changed"; readonly now: number; readonly config: StoredConfig }
  /** The idempotency key belongs to this very request, which was answered before, or to another one. */
  | {
      readonly kind: "repeated" | "reused";
      readonly now: number;
      readonly config: StoredConfig;
      readonly id: string;
    };

/** What an idempotency key was used for before. */
export interface KnownRequest {
  readonly fingerprint: string;
  readonly id: string;
}

/** In which form everything is stored. */
export interface StoredForm {
  readonly version: number;
  /** Whether texts are encrypted bound to their purpose and project: the release before does not open that. */
  readonly bound: boolean;
}
