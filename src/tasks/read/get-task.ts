import { callbackDelivery } from "../../events/task-events.ts";
import type { TaskFilter, TaskPosition } from "../../ports/commands/list.ts";
import type { BatchStore } from "../../ports/stores/batch-store.ts";
import type { DeliveryReadStore } from "../../ports/stores/delivery-store.ts";
import type { TaskReadStore } from "../../ports/stores/task-store.ts";
import { denied } from "../../projects/denied.ts";
import type { Client, System, TaskReader } from "../../projects/principal.ts";
import { base64url, fromBase64url, utf8 } from "../../shared/bytes.ts";
import { fault } from "../../shared/fault-point.ts";
import type { Hashes } from "../../shared/hashes.ts";
import { isId } from "../../shared/id.ts";
import { ApiError } from "../../shared/problems.ts";
import { getBatch } from "../batch/get-batch.ts";
import type { DeliveryRecord, DeliveryStatus, TaskRecord } from "../record.ts";
import { isTerminal, type TaskStatus, visibleStatus } from "../status.ts";

/** The parts that reading tasks and deliveries uses. */
export type ReadParts = { readonly hashes: Hashes; readonly store: DeliveryReadStore & TaskReadStore };

/** The parts that a list of deliveries uses. */
type ListParts = ReadParts & { readonly store: Pick<BatchStore, "readBatch"> };

/** A task as it is now, with the delivery of its end to `callbackUrl` when there is one. */
export interface FoundTask {
  readonly record: TaskRecord;
  /** Redis time, milliseconds. */
  readonly now: number;
  readonly delivery?: DeliveryRecord;
}

/** Reads one task. @throws ApiError `not-found`, also for other projects' tasks */
export async function getTask(
  ctx: ReadParts,
  caller: TaskReader,
  id: string,
  include: { readonly input?: boolean; readonly result?: boolean } = {},
): Promise<FoundTask> {
  if (!isId("task", id)) throw missing("task", id);
  const deliveries = (record: TaskRecord) => endDelivery(ctx, record);
  const answer = await ctx.store.readTask(caller, id, { ...include, deliveries });
  if (answer.kind === "missing") throw missing("task", id);
  if (answer.kind !== "found") throw denied(answer, "tasks:read");
  const [delivery] = answer.deliveries;
  const record = kept(answer.record, answer.now);
  if (fault("stale-reads")) return { record: { ...record, sequence: record.sequence - 1 }, now: answer.now };
  return { record, now: answer.now, ...(delivery && { delivery }) };
}

export interface TaskPage {
  readonly data: readonly FoundTask[];
  readonly nextCursor?: string;
  /** Entries of indexes that were read. */
  readonly visited: number;
}

/** A page of the project's tasks, newest first. @throws ApiError */
export async function listTasks(
  ctx: ReadParts,
  caller: Client | System,
  query: { readonly limit: number; readonly cursor?: string },
  filter: TaskFilter = {},
): Promise<TaskPage> {
  const listed = await ctx.store.listTasks(caller, readCursor(query.cursor), query.limit, filter);
  if (listed.kind === "unsearchable") throw unsearchable(listed.name, listed.searchable);
  if (listed.kind !== "found") throw denied(listed, "tasks:read");
  const data = await getTasks(
    ctx,
    caller,
    listed.positions.map(({ id }) => id),
  );
  return {
    // A task that changed since it was found may no longer match the filter.
    data: data.filter((one) => filter.status === undefined || statusOf(one) === filter.status),
    ...(listed.next && { nextCursor: writeCursor(listed.next) }),
    visited: listed.visited,
  };
}

function statusOf({ record, now }: FoundTask): TaskStatus {
  return visibleStatus(record.status, record.attempt, record.startsAt, now);
}

function unsearchable(name: string, searchable: readonly string[]): ApiError {
  const named = searchable.length === 0 ? "none" : searchable.join(", ");
  return new ApiError(
    "metadata-not-searchable",
    `The metadata key "${name}" is not searchable in this project: ${named}.`,
  );
}

/** Reads many tasks, in this order, without large results; erased ones are left out. @throws ApiError */
export async function getTasks(
  ctx: ReadParts,
  caller: Client | System,
  wanted: readonly string[],
): Promise<readonly FoundTask[]> {
  if (wanted.length === 0) return [];
  const answer = await ctx.store.readTasks(caller, wanted);
  if (answer.kind !== "found") throw denied(answer, "tasks:read");
  const { records, now } = answer;
  const ends = await Promise.all(records.map((record) => endDelivery(ctx, record)));
  const found = await deliveriesOf(ctx, caller, ends.flat());
  const deliveries = new Map(found.map((delivery) => [delivery.id, delivery]));
  return records.map((record, index) => {
    const delivery = deliveries.get(ends[index]?.[0] ?? "");
    return { record: kept(record, now), now, ...(delivery && { delivery }) };
  });
}

/** The delivery of a task's end to its callback. */
async function endDelivery({ hashes }: ReadParts, record: TaskRecord): Promise<readonly string[]> {
  const id = isTerminal(record.status) ? await callbackDelivery(hashes, record, record.status) : undefined;
  return id === undefined ? [] : [id];
}

/** The deliveries of a task's every run, newest first. */
function allDeliveries({ deliveries, pastDeliveries, progressDeliveries }: TaskRecord): readonly string[] {
  return [...progressDeliveries, ...pastDeliveries, ...deliveries].reverse();
}

/** Reads one delivery. @throws ApiError */
export async function getDelivery(ctx: ReadParts, caller: Client, id: string): Promise<DeliveryRecord> {
  const delivery = isId("del", id) && (await findDelivery(ctx, caller, id));
  if (!delivery) throw missing("delivery", id);
  return delivery;
}

/** Reads one delivery, if there is one. @throws ApiError when the caller may not read */
export async function findDelivery(
  ctx: ReadParts,
  caller: Client | System,
  id: string,
): Promise<DeliveryRecord | undefined> {
  const [delivery] = await deliveriesOf(ctx, caller, [id]);
  // The deliveries of a task that is being erased disappear one after the other.
  const isHidden = delivery?.taskId && (await ctx.store.isErasing(caller.project, delivery.taskId));
  return isHidden ? undefined : delivery;
}

/** The deliveries of one task, or of the project's tasks, newest task first; a page may be short. @throws ApiError */
export async function listDeliveries(
  ctx: ListParts,
  caller: Client,
  query: {
    readonly taskId?: string;
    readonly batchId?: string;
    readonly endpointId?: string;
    readonly status?: DeliveryStatus;
    /** The code of the last attempt's error. */
    readonly errorCode?: string;
    /** Opened later than this, and earlier than that; milliseconds. */
    readonly createdAfter?: number;
    readonly createdBefore?: number;
    readonly limit: number;
    readonly cursor?: string;
  },
): Promise<{ readonly data: readonly DeliveryRecord[]; readonly nextCursor?: string }> {
  const { createdAfter = Number.NEGATIVE_INFINITY, createdBefore = Number.POSITIVE_INFINITY } = query;
  const wanted = (delivery: DeliveryRecord) =>
    (query.status === undefined || delivery.status === query.status) &&
    (query.endpointId === undefined || delivery.endpointId === query.endpointId) &&
    (query.errorCode === undefined || delivery.attempts.at(-1)?.error?.code === query.errorCode) &&
    delivery.createdAt > createdAfter &&
    delivery.createdAt < createdBefore;
  const all = await deliveriesNamed(ctx, caller, query);
  if (all) {
    const from = query.cursor === undefined ? 0 : all.indexOf(query.cursor) + 1;
    if (query.cursor !== undefined && from === 0) throw strange();
    const ids = all.slice(from, from + PAGE_DELIVERIES);
    const last = from + ids.length < all.length ? ids.at(-1) : undefined;
    const data = (await deliveriesOf(ctx, caller, ids)).filter(wanted);
    return { data, ...(last !== undefined && { nextCursor: last }) };
  }
  // A delivery is never older than its task; it may be much younger.
  const filter = query.createdBefore === undefined ? {} : { before: query.createdBefore };
  const listed = await ctx.store.listTasks(caller, readCursor(query.cursor), query.limit, filter);
  if (listed.kind === "unsearchable") throw unsearchable(listed.name, listed.searchable);
  if (listed.kind !== "found") throw denied(listed, "tasks:read");
  const ids = listed.positions.map(({ id }) => id);
  const answer = ids.length === 0 ? undefined : await ctx.store.readTasks(caller, ids);
  if (answer && answer.kind !== "found") throw denied(answer, "tasks:read");
  const records = fewEnough(answer?.records ?? []);
  const deliveries = await deliveriesOf(ctx, caller, records.flatMap(allDeliveries));
  const last = records.at(-1);
  const cut = last && records.length < (answer?.records.length ?? 0);
  const next = cut ? { at: last.createdAt, id: last.id } : listed.next;
  return { data: deliveries.filter(wanted), ...(next && { nextCursor: writeCursor(next) }) };
}

/** The deliveries of one task, or of one batch, newest first; undefined where the query names neither. */
async function deliveriesNamed(
  ctx: ListParts,
  caller: Client,
  { taskId, batchId }: { readonly taskId?: string; readonly batchId?: string },
): Promise<readonly string[] | undefined> {
  const ofTask =
    taskId === undefined ? undefined : allDeliveries((await getTask(ctx, caller, taskId)).record);
  const ofBatch = batchId === undefined ? undefined : (await getBatch(ctx, caller, batchId)).deliveries;
  // No delivery is of both.
  return ofTask && ofBatch ? [] : (ofTask ?? ofBatch);
}

/** The most deliveries that one page reads, except for the first task of several; and that one request reads. */
const PAGE_DELIVERIES = 500;
const READ_DELIVERIES = 100;

/** The first tasks of a page, as many as fit its limit of deliveries. */
function fewEnough(records: readonly TaskRecord[]): readonly TaskRecord[] {
  let count = 0;
  const end = records.findIndex((record, index) => {
    count += allDeliveries(record).length;
    return index > 0 && count > PAGE_DELIVERIES;
  });
  return end < 0 ? records : records.slice(0, end);
}

async function deliveriesOf(
  ctx: ReadParts,
  caller: Client | System,
  ids: readonly string[],
): Promise<readonly DeliveryRecord[]> {
  const records: DeliveryRecord[] = [];
  for (let from = 0; from < ids.length; from += READ_DELIVERIES) {
    const answer = await ctx.store.readDeliveries(caller, ids.slice(from, from + READ_DELIVERIES));
    if (answer.kind !== "found") throw denied(answer, "tasks:read");
    records.push(...answer.records);
  }
  return records;
}

/** From `resultExpiresAt` on, result and input are gone, even if Redis still holds them. */
function kept(record: TaskRecord, now: number): TaskRecord {
  if (record.resultExpiresAt === undefined || record.resultExpiresAt > now) return record;
  const { json: _result, ...result } = record.result;
  const { json: _input, ...input } = record.input;
  return { ...record, result, input };
}

function missing(kind: "task" | "delivery", id: string): ApiError {
  return new ApiError("not-found", `There is no ${kind} "${id}" in this project.`);
}

function writeCursor({ at, id }: TaskPosition): string {
  return base64url(utf8(`${at} ${id}`));
}

function readCursor(cursor: string | undefined): TaskPosition | undefined {
  if (cursor === undefined) return undefined;
  const bytes = cursor.length <= 100 ? fromBase64url(cursor) : undefined;
  const text = new TextDecoder().decode(bytes);
  const match = /^(\d{1,15}) (~|task_[0-9a-z]{26})$/.exec(text);
  if (!match?.[2]) throw strange();
  return { at: Number(match[1]), id: match[2] };
}

function strange(): ApiError {
  return new ApiError("malformed-parameter", "The cursor was not issued by this API.");
}
