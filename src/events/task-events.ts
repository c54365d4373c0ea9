import { utf8 } from "../shared/bytes.ts";
import type { Hashes } from "../shared/hashes.ts";
import { deriveId } from "../shared/id.ts";
import type { Failure, TaskRecord } from "../tasks/record.ts";
import type { TerminalStatus } from "../tasks/status.ts";

/** How a task ends, before it is written. */
export interface Ending {
  readonly status: TerminalStatus;
  /** JSON text; absent without a result. */
  readonly result?: string;
  readonly error?: Failure;
}

/** An event other than the ends of a task; it does not change the task. */
export type Announcement = "task.started" | "task.waiting" | "task.progress";

/** Whether the task's callback was asked for an event of that type. */
export function asksFor(record: TaskRecord, type: Announcement): boolean {
  return record.callback?.events.includes(type) ?? false;
}

/** Something that has happened to a task. */
export interface TaskEvent {
  readonly type: string;
  /** The input of its ids: the same ids are made again after a crash. */
  readonly source: string;
  /** The task as it is at the event. */
  readonly record: TaskRecord;
  /** Redis time, milliseconds. */
  readonly at: number;
  /** Only one attempt: a later event overtakes it. */
  readonly once?: true;
}

/** The event of a task's end: its id follows only from the task, the run and the ending. */
export function endOf(record: TaskRecord, ending: Ending, endedAt: number, resultTtl: number): TaskEvent {
  const type = `task.${ending.status}`;
  const { error: _error, ...rest } = record;
  const ended: TaskRecord = {
    ...rest,
    status: ending.status,
    sequence: record.sequence + 1,
    endedAt,
    resultExpiresAt: endedAt + resultTtl,
    result:
      ending.result === undefined ? { placement: "none" } : { placement: "inline", json: ending.result },
    ...(ending.error && { error: ending.error }),
  };
  return { type, source: endSource(record, ending.status), record: ended, at: endedAt };
}

/**
 * An event that does not end its task. Its id follows from task, run, type and attempt; that of progress also from the
 * sequence and the time of the report, which is stored with it: progress does not raise the sequence.
 *
 * @param record the task as it is at the event
 * @param at Redis time of the event
 */
export function announcementOf(record: TaskRecord, type: Announcement, at: number): TaskEvent {
  const { id, run, attempt, sequence, progress } = record;
  const source = `${id}.${run}.${type}.${attempt}`;
  if (type !== "task.progress") return { type, source, record, at };
  return { type, source: `${source}.${sequence}.${progress?.at}`, record, at, once: true };
}

function endSource({ id, run }: TaskRecord, status: TerminalStatus): string {
  return `${id}.${run}.task.${status}`;
}

/** The id of an event, which receivers see as `webhook-id`. */
export async function eventIdOf({ sha256 }: Hashes, { source, record }: TaskEvent): Promise<string> {
  return deriveId("evt", record.id, await sha256(utf8(source)));
}

/** The id of an event's delivery to `callbackUrl` or to an endpoint. */
export async function deliveryIdOf(
  { sha256 }: Hashes,
  { source, record }: TaskEvent,
  target: "callback" | string,
): Promise<string> {
  return deriveId("del", record.id, await sha256(utf8(`${source}.${target}`)));
}

/** The id that the delivery of this run's end to `callbackUrl` has, when the task has ended and was asked for it. */
export async function callbackDelivery(
  hashes: Hashes,
  record: TaskRecord,
  status: TerminalStatus,
): Promise<string | undefined> {
  if (!record.callback?.events.includes(`task.${status}`)) return undefined;
  const event = { type: `task.${status}`, source: endSource(record, status), record, at: 0 };
  return await deliveryIdOf(hashes, event, "callback");
}
