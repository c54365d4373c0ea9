import type { AcceptCommand } from "../../ports/commands/task.ts";
import type { Dependencies } from "../../ports/dependencies.ts";
import type { UrlJudge } from "../../ports/fetcher.ts";
import type { BatchStore } from "../../ports/stores/batch-store.ts";
import { denied } from "../../projects/denied.ts";
import type { Client } from "../../projects/principal.ts";
import { makeId, partitionOf } from "../../shared/id.ts";
import { type Idempotency, reused } from "../../shared/idempotency.ts";
import { ApiError } from "../../shared/problems.ts";

/** The parts that opening a batch uses. */
export type OpenBatchParts = Pick<Dependencies, "clock"> & {
  readonly store: BatchStore;
  readonly fetcher: UrlJudge;
};

/** The fields of a request for a batch as a whole. */
export interface BatchWish {
  readonly callbackUrl?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly idempotency?: Idempotency;
}

/** Judges it before any request to Redis. @throws ApiError `unsafe-callback-url` */
export function judgeBatch({ fetcher }: OpenBatchParts, { callbackUrl }: BatchWish): void {
  const unsafe = callbackUrl === undefined ? undefined : fetcher.checkUrl(callbackUrl);
  if (!unsafe) return;
  throw new ApiError("unsafe-callback-url", unsafe.detail, {
    errors: [{ pointer: "#/callbackUrl", detail: unsafe.detail }],
  });
}

/**
 * Writes the batch before its tasks are accepted.
 *
 * @returns its id: that of the first request where the idempotency key was used before
 * @throws ApiError
 */
export async function openBatch(
  { store, clock }: OpenBatchParts,
  caller: Client,
  { callbackUrl, metadata = {}, idempotency }: BatchWish,
  items: readonly AcceptCommand[],
  trace: string | undefined,
): Promise<string> {
  const random = crypto.getRandomValues(new Uint8Array(8));
  const scopes = [...new Set(items.map(({ scope = "tasks:write" }) => scope))];
  const commandFor = (id: string) => ({
    caller,
    scopes,
    batch: {
      id,
      metadata,
      ...(callbackUrl !== undefined && { callbackUrl }),
      ...(trace !== undefined && { trace }),
    },
    ...(idempotency && { idempotency }),
  });
  const id = makeId("batch", clock(), partitionOf(caller.project), random);
  const first = await store.openBatch(commandFor(id));
  const answer = first.kind === "known" ? await store.openBatch(commandFor(first.id)) : first;
  switch (answer.kind) {
    case "opened":
      return first.kind === "known" ? first.id : id;
    case "reused":
      throw reused(answer.id);
    case "known":
      throw new Error(`openBatch answered "known" for ${id} twice`);
    default:
      throw denied(answer, scopes[0] ?? "tasks:write");
  }
}
