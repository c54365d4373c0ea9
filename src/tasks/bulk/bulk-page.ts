import type { TaskFilter } from "../../ports/commands/list.ts";
import type { QueueMessage } from "../../ports/queue.ts";
import type { ConfigStore } from "../../ports/stores/project-store.ts";
import type { StoredConfig } from "../../projects/caller.ts";
import { denied } from "../../projects/denied.ts";
import { type Client, system } from "../../projects/principal.ts";
import { type PublishParts, publishAll } from "../../scheduling/publish.ts";
import { BULK_PAGE } from "../../shared/limits.ts";
import { ApiError } from "../../shared/problems.ts";
import { listTasks, type ReadParts } from "../read/get-task.ts";
import type { TaskRecord } from "../record.ts";
import { isTerminal } from "../status.ts";

/** The parts that walking over the tasks of a bulk request uses. */
export type BulkParts = ReadParts & { readonly store: ConfigStore };

/** The tasks that a bulk request is about, page by page. */
export interface BulkRequest {
  readonly filter: TaskFilter;
  /** Counts, and changes nothing. */
  readonly dryRun: boolean;
  readonly cursor?: string;
}

/** The outcome of one page. */
export interface BulkOutcome {
  /** Tasks of this page that fit, and that can be changed. */
  readonly matched: number;
  readonly changed: number;
  readonly nextCursor?: string;
}

/** The tasks of one page that can be changed, as they are now. */
export interface BulkPage {
  readonly records: readonly TaskRecord[];
  readonly config: StoredConfig;
  /** Redis time. */
  readonly now: number;
  readonly nextCursor?: string;
}

/**
 * The next tasks of a bulk request. The cursor also carries the time of the first page: later changes are not touched,
 * so that a page that is repeated with its cursor changes nothing twice.
 *
 * @param wanted `open`: tasks that have not ended; `ended`: tasks that have
 * @throws ApiError
 */
export async function bulkPage(
  deps: BulkParts,
  caller: Client,
  { filter, cursor }: BulkRequest,
  wanted: "open" | "ended",
): Promise<BulkPage> {
  const place = placeOf(cursor);
  const allowed = await deps.store.readConfig(caller, "tasks:write");
  if (allowed.kind !== "found" && allowed.kind !== "missing") throw denied(allowed, "tasks:write");
  const began = place?.began ?? allowed.now;
  const query = { limit: BULK_PAGE, ...(place && { cursor: place.cursor }) };
  const { data, nextCursor } = await listTasks(deps, system(caller.project), query, filter);
  const records = data
    .map(({ record }) => record)
    .filter(({ status, createdAt, endedAt = 0 }) => {
      if (createdAt > began) return false;
      return wanted === "open" ? !isTerminal(status) : isTerminal(status) && endedAt <= began;
    });
  return {
    records,
    config: allowed.kind === "found" ? allowed.config : { version: 0, json: "{}" },
    now: allowed.now,
    ...(nextCursor !== undefined && { nextCursor: `${began.toFixed(0)}.${nextCursor}` }),
  };
}

function placeOf(cursor: string | undefined): { began: number; cursor: string } | undefined {
  if (cursor === undefined) return undefined;
  const [, began, inner] = /^(\d{1,15})\.(.+)$/.exec(cursor) ?? [];
  if (began === undefined || inner === undefined) {
    throw new ApiError("malformed-parameter", "The cursor was not issued by this API.");
  }
  return { began: Number(began), cursor: inner };
}

export function outcomeOf({ records, nextCursor }: BulkPage, changed: number): BulkOutcome {
  return { matched: records.length, changed, ...(nextCursor !== undefined && { nextCursor }) };
}

/** Messages that one request gives to the queue. */
const MESSAGES = 100;

/** Publishes messages whose state is committed, some at a time. */
export async function publishSome(deps: PublishParts, messages: readonly QueueMessage[]): Promise<void> {
  for (let from = 0; from < messages.length; from += MESSAGES) {
    await publishAll(deps, messages.slice(from, from + MESSAGES));
  }
}
