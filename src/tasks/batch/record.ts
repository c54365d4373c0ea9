import type { TerminalStatus } from "../status.ts";

/** A batch with one callback; times in milliseconds since the epoch. */
export interface BatchRecord {
  readonly id: string;
  readonly project: string;
  /** `opening`: its tasks are being accepted. `completed`: each of them has ended once, and the event was opened. */
  readonly status: "opening" | "open" | "completed";
  readonly createdAt: number;
  readonly completedAt?: number;
  readonly callbackUrl?: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly trace?: string;
  /** Its accepted tasks, and the first end of each that has ended. */
  readonly tasks: readonly BatchTask[];
  /** Those of its event. */
  readonly deliveries: readonly string[];
  /** The hash under which its idempotency key is recorded. */
  readonly idempotencyHash?: string;
}

export interface BatchTask {
  readonly id: string;
  readonly ended?: TerminalStatus;
}
