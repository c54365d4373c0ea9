import type { RedeliverAnswer, RedeliverCommand } from "../ports/commands/delivery.ts";
import type { RequestContext } from "../ports/dependencies.ts";
import type { RedeliveryStore } from "../ports/stores/delivery-store.ts";
import { denied } from "../projects/denied.ts";
import { type Client, system } from "../projects/principal.ts";
import { type Idempotency, reused } from "../shared/idempotency.ts";
import { ApiError } from "../shared/problems.ts";
import { CONFLICT, retryOnConflict } from "../shared/retry-on-conflict.ts";
import { findDelivery, type ReadParts } from "../tasks/read/get-task.ts";
import type { DeliveryRecord } from "../tasks/record.ts";
import { type DeliverParts, deliver } from "./deliver.ts";

/** The parts that a redelivery uses. */
type RedeliverParts = DeliverParts &
  ReadParts &
  Pick<RequestContext, "background"> & { readonly store: RedeliveryStore };

/** The command that sends a delivery again, at once. */
export function again(
  caller: Client,
  { id, endedAt, endpointId, body, eventId, format }: DeliveryRecord,
): RedeliverCommand {
  return {
    ...atOnce(caller, id, endedAt),
    ...(endpointId !== undefined && { endpointId }),
    ...(body === undefined && { sharedBody: `${eventId}:${format}` }),
  };
}

function atOnce(caller: Client, delivery: string, endedAt = 0): RedeliverCommand {
  return { caller, scope: "tasks:write", delivery, delay: 0, endedAt, nonce: crypto.randomUUID() };
}

/**
 * Sends an ended delivery again: the same event id and body, its schedule from the start; the first attempt at once.
 * The same idempotency key sends it once.
 *
 * @throws ApiError
 */
export async function redeliver(
  ctx: RedeliverParts,
  caller: Client,
  id: string,
  idempotency?: Idempotency,
): Promise<{ readonly record: DeliveryRecord; readonly replayed: boolean }> {
  // The script checks the caller's permission; only then does the answer say whether the delivery exists.
  const found = await findDelivery(ctx, system(caller.project), id);
  const answer = await sendAgain(ctx, found ? again(caller, found) : atOnce(caller, id), idempotency);
  switch (answer.kind) {
    case "found": {
      const { record } = answer;
      ctx.background.waitUntil(
        deliver(ctx, { v: 1, project: caller.project, delivery: id, attempt: record.attempt + 1 }),
      );
      return { record, replayed: false };
    }
    case "repeated":
      return { record: answer.record, replayed: true };
    case "reused":
      throw reused();
    case "pending":
      throw new ApiError(
        "delivery-pending",
        `Delivery "${id}" has not ended: its next attempt is scheduled.`,
      );
    case "missing":
      throw new ApiError("not-found", `There is no delivery "${id}" in this project.`);
    case "changed":
      throw new Error(`Delivery ${id} could not be sent again: other callers keep sending it.`);
    default:
      throw denied(answer, "tasks:write");
  }
}

/** Tries once more with the current state, after another caller was faster. */
async function sendAgain(
  { store }: RedeliverParts,
  command: RedeliverCommand,
  idempotency: Idempotency | undefined,
): Promise<RedeliverAnswer> {
  const once = idempotency && { idempotency };
  let present = command;
  let answer: RedeliverAnswer;
  return await retryOnConflict(
    async () => {
      answer = await store.redeliver({ ...present, ...once });
      if (answer.kind !== "changed") return answer;
      present = again(command.caller, answer.record);
      return CONFLICT;
    },
    () => answer,
  );
}
