import type { ReplayAnswer } from "../../ports/commands/task.ts";
import type { RequestContext } from "../../ports/dependencies.ts";
import type { SteerStore } from "../../ports/stores/task-store.ts";
import { denied, isDenied } from "../../projects/denied.ts";
import type { Client } from "../../projects/principal.ts";
import { type FlowParts, runMessage } from "../../scheduling/flow-control.ts";
import type { PublishParts } from "../../scheduling/publish.ts";
import type { Idempotency } from "../../shared/idempotency.ts";
import { QUOTA_RETRY } from "../../shared/limits.ts";
import { ApiError } from "../../shared/problems.ts";
import type { TaskRecord } from "../record.ts";
import {
  type BulkOutcome,
  type BulkParts,
  type BulkRequest,
  bulkPage,
  outcomeOf,
  publishSome,
} from "./bulk-page.ts";

/** The parts that replaying many tasks uses. */
type ReplayManyParts = BulkParts &
  FlowParts &
  PublishParts &
  Pick<RequestContext, "background" | "settings"> & { readonly store: SteerStore };

/**
 * Begins a new run of the tasks of one page that have ended, in as few requests to Redis as they fit into. A task whose
 * input is no longer kept, or whose history is full, stays as it is.
 *
 * @param idempotencyOf the idempotency of one task's part of the request, by the task's id
 * @throws ApiError `quota-exceeded` when the project has too many open tasks: some of the page may have been replayed
 */
export async function replayMany(
  ctx: ReplayManyParts,
  caller: Client,
  request: BulkRequest,
  idempotencyOf: (task: string) => Promise<Idempotency | undefined>,
): Promise<BulkOutcome> {
  const page = await bulkPage(ctx, caller, request, "ended");
  if (request.dryRun || page.records.length === 0) return outcomeOf(page, 0);
  const { maxOpen } = ctx.settings;
  const commands = await Promise.all(
    page.records
      .filter(({ input }) => !input.undecryptable)
      .map(async (record) => {
        const idempotency = await idempotencyOf(record.id);
        return { caller, record, maxOpen, nonce: crypto.randomUUID(), ...(idempotency && { idempotency }) };
      }),
  );
  const answers = await ctx.store.replayAll(commands);
  const replayed = answers.flatMap((answer): readonly TaskRecord[] => {
    if (isDenied(answer)) throw denied(answer, "tasks:write");
    return answer.kind === "replayed" ? [answer.record] : [];
  });
  const messages = await Promise.all(replayed.map((record) => runMessage(ctx, record, 1, 0)));
  ctx.background.waitUntil(publishSome(ctx, messages));
  if (answers.some(isOverQuota)) {
    throw new ApiError(
      "quota-exceeded",
      `This project has too many tasks that have not ended. ${replayed.length} of this page were replayed.`,
      { retryAfter: QUOTA_RETRY, members: { changed: replayed.length } },
    );
  }
  return outcomeOf(page, replayed.length);
}

function isOverQuota({ kind }: ReplayAnswer): boolean {
  return kind === "quota";
}
