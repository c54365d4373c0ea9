import { Refusal } from "../shared/problems.ts";
import type { DeliveryRecord } from "../tasks/record.ts";
import type { Caller } from "../projects/caller.ts";
import { deliver } from "./deliver.ts";
import type { RedeliverAnswer, RedeliverCommand } from "../ports/delivery-commands.ts";
import { denied } from "../projects/denied.ts";
import { internalCaller } from "../tasks/run/fail-attempt.ts";
import { type Idempotency, reused } from "../shared/idempotency.ts";
import { findDelivery } from "../tasks/read/get-task.ts";
import type { Invocation } from "../ports/dependencies.ts";

/** The command that sends a delivery again, at once. */
export function again(
  caller: Caller,
  { id, endedAt, endpointId, body, eventId, format }: DeliveryRecord,
): RedeliverCommand {
  return {
    ...atOnce(caller, id, endedAt),
    ...(endpointId !== undefined && { endpointId }),
    ...(body === undefined && { sharedBody: `${eventId}:${format}` }),
  };
}

function atOnce(caller: Caller, delivery: string, endedAt = 0): RedeliverCommand {
  return { caller, scope: "tasks:write", delivery, delay: 0, endedAt, nonce: crypto.randomUUID() };
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
  // Whether the caller may is the script's to say, and whether there is such a delivery is told after that.
  const found = await findDelivery(inv, internalCaller(caller.project), id);
  const answer = await sendAgain(inv, found ? again(caller, found) : atOnce(caller, id), idempotency);
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
    case "changed":
      throw new Error(`Delivery ${id} could not be sent again: somebody else keeps doing so.`);
    default:
      throw denied(answer, "tasks:write");
  }
}

/** Once more with what is there now, where somebody else was faster. */
async function sendAgain(
  { store }: Invocation,
  command: RedeliverCommand,
  idempotency: Idempotency | undefined,
): Promise<RedeliverAnswer> {
  const once = idempotency && { idempotency };
  let answer = await store.redeliver({ ...command, ...once });
  for (let round = 0; round < 5 && answer.kind === "changed"; round++) {
    answer = await store.redeliver({ ...again(command.caller, answer.record), ...once });
  }
  return answer;
}
