import type { Message } from "../message.ts";
import type { Timer } from "../timer-queue.ts";

/** A message that has not ended, and its state. */
export interface Pending {
  readonly message: Message;
  /**
   * `scheduled` for a time, `waiting` for its flow-control key, `ready` for one of the account's calls in
   * flight, `active` while the call is made.
   */
  stage: "scheduled" | "waiting" | "ready" | "active" | "ended";
  timer?: Timer | undefined;
  cancelRequested: boolean;
}
