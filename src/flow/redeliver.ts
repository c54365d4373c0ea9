import { Refusal } from "../domain/problems.ts";
import type { DeliveryRecord } from "../domain/record.ts";
import type { Caller } from "./caller.ts";
import { deliver } from "./deliver.ts";
import type { RedeliverCommand } from "./delivery-commands.ts";
import { denied } from "./denied.ts";
import { type Idempotency, reused } from "./idempotency.ts";
import { lookDelivery } from "./lookup.ts";
import type { Invocation } from "./parts.ts";

/** The command that sends a delivery again, at once. */
export function again(
  caller: Caller,
  { id, endedAt = 0, endpointId, body, eventId, format }: DeliveryRecord,
): RedeliverCommand {
  return {
    caller,
    scope: "tasks:write",
    delivery: id,
    delay: 0,
    endedAt,
    ...(endpointId !== undefined && { endpointId }),
    ...(body === undefined && { sharedBody: `${eventId}:${format}` }),
    nonce: crypto.randomUUID(),
  };
}

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
  const answer = await inv.store.redeliver({
    ...again(caller, await lookDelivery(inv, caller, id)),
    ...(idempotency && { idempotency }),
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
