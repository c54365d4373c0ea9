import type { StoredConfig } from "../projects/caller.ts";
import type { OutboundWebhook } from "./send-webhook.ts";

/** A leased attempt. */
export interface LeasedAttempt {
  readonly project: string;
  readonly delivery: string;
  readonly lease: string;
  readonly attempt: number;
  /** Attempts that an earlier sending used up. */
  readonly base: number;
  /** How often this attempt's lease lapsed without a record. */
  readonly crashes: number;
  readonly webhook: OutboundWebhook;
  readonly config: StoredConfig;
  /** Redis time of the lease. */
  readonly now: number;
  /** Milliseconds between when it was due and the lease. */
  readonly late?: number;
  /** The `traceparent` of the attempt that asked for this one. */
  readonly cause?: string | undefined;
}
