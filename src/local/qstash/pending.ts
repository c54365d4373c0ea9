import type { Appointment } from "./agenda.ts";
import type { Message } from "./message.ts";

/** A message that has not ended, and where it stands on its way. */
export interface Pending {
  readonly message: Message;
  /**
   * `queued` behind others in its queue, `scheduled` for a time, `waiting` for its flow-control key, `ready`
   * for one of the account's calls in flight, `active` while the call is made.
   */
  stage: "queued" | "scheduled" | "waiting" | "ready" | "active" | "ended";
  appointment?: Appointment | undefined;
  cancelRequested: boolean;
}
