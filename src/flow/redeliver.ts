import { Refusal } from "../domain/problems.ts";
import type { DeliveryRecord } from "../domain/record.ts";
import type { Caller } from "./caller.ts";
import { deliver } from "./deliver.ts";
import { denied } from "./denied.ts";
import { type Idempotency, reused } from "./idempotency.ts";
import { lookDelivery } from "./lookup.ts";
import type { Invocation } from "./parts.ts";

/**
 * Sends an ended delivery again: the same event id and body, its schedule from the start; the first attempt at once.
 * The same idempotency key sends it once.
 *
 * @throws Refusal
 */
export async function redeliver(
  inv: Invocation,
  caller: Caller,
  id: string,
  idempotency?: Idempotency,
): Promise<{ readonly record: DeliveryRecord; readonly replayed: boolean }> {
  const { endedAt = 0, body, eventId, format } = await lookDelivery(inv, caller, id);
  const answer = await inv.store.redeliver({
    caller,
    delivery: id,
    endedAt,
    ...(body === undefined && { sharedBody: `${eventId}:${format}` }),
    ...(idempotency && { idempotency }),
    nonce: crypto.randomUUID(),
  });
  switch (answer.kind) {
    case "found": {
      const { record } = answer;
      inv.background.waitUntil(
        deliver(inv, { v: 1, project: caller.project, delivery: id, attempt: record.attempt + 1 }),
      );
      return { record, replayed: false };
    }
    case "repeated":
      return { record: answer.record, replayed: true };
    case "reused":
      throw reused();
    case "pending":
      throw new Refusal(
        "delivery-pending",
        `Delivery "${id}" has not ended: its next attempt comes by itself.`,
      );
    case "missing":
      throw new Refusal("not-found", `There is no delivery "${id}" in this project.`);
    default:
      throw denied(answer, "tasks:write");
  }
}
