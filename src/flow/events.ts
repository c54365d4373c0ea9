import { deriveId } from "../domain/id.ts";
import { CALLBACK_RESULT_LIMIT } from "../domain/limits.ts";
import type { Failure, TaskRecord } from "../domain/record.ts";
import type { TerminalStatus } from "../domain/status.ts";
import { taskView, timestamp } from "../domain/view.ts";
import type { NewDelivery } from "./delivery-commands.ts";
import { sha256, utf8 } from "./keyring.ts";
import type { Parts } from "./parts.ts";

/** How a task ends, before it is written. */
export interface Ending {
  readonly status: TerminalStatus;
  /** JSON text; absent when there is none. */
  readonly result?: string;
  readonly error?: Failure;
}

/** The task as it will be once the ending is written. */
function ended(record: TaskRecord, ending: Ending, endedAt: number, resultTtl: number): TaskRecord {
  const { error: _error, ...rest } = record;
  return {
    ...rest,
    status: ending.status,
    sequence: record.sequence + 1,
    endedAt,
    resultExpiresAt: endedAt + resultTtl,
    result:
      ending.result === undefined ? { placement: "none" } : { placement: "inline", json: ending.result },
    ...(ending.error && { error: ending.error }),
  };
}

/**
 * The deliveries that a task's end opens. The event's id and body follow from the task, the run and the ending alone:
 * made again after a crash they are the same.
 */
export async function terminalDeliveries(
  parts: Parts,
  record: TaskRecord,
  ending: Ending,
  endedAt: number,
  resultTtl: number,
): Promise<readonly NewDelivery[]> {
  const type = `task.${ending.status}`;
  const { callback } = record;
  if (!callback?.events.includes(type)) return [];
  const source = `${record.id}.${record.run}.${type}`;
  const [event, delivery] = await Promise.all([sha256(utf8(source)), sha256(utf8(`${source}.callback`))]);
  return [
    {
      id: deriveId("del", record.id, delivery),
      eventId: deriveId("evt", record.id, event),
      eventType: type,
      url: callback.url,
      body: await eventBody(parts, ended(record, ending, endedAt, resultTtl), type, endedAt),
      ...(record.traceparent && { traceparent: record.traceparent }),
    },
  ];
}

/** An event beside the ends of a task, which it does not change. */
export type Announcement = "task.started" | "task.waiting" | "task.progress";

/** Whether the task's callback was asked for an event of that type. */
export function asksFor(record: TaskRecord, type: Announcement): boolean {
  return record.callback?.events.includes(type) ?? false;
}

/**
 * The delivery of an event that does not end its task. Its id follows from task, run, type and attempt; that of a
 * progress also from the sequence and from when it was said, which is stored with it: progress raises no sequence.
 *
 * @param record the task as it is at the event
 * @param at Redis time of the event
 */
export async function announcement(
  parts: Parts,
  record: TaskRecord,
  type: Announcement,
  at: number,
): Promise<NewDelivery> {
  const { id, run, attempt, sequence, progress, callback, traceparent } = record;
  const once = type === "task.progress";
  const source = `${id}.${run}.${type}.${attempt}${once ? `.${sequence}.${progress?.at}` : ""}`;
  const [event, delivery] = await Promise.all([sha256(utf8(source)), sha256(utf8(`${source}.callback`))]);
  return {
    id: deriveId("del", id, delivery),
    eventId: deriveId("evt", id, event),
    eventType: type,
    url: callback?.url ?? "",
    body: await eventBody(parts, record, type, at),
    ...(traceparent && { traceparent }),
    ...(once && { once }),
  };
}

/** `{type, timestamp, data}` (Standard Webhooks): the task object with its result, or a link to it when it is large. */
async function eventBody(parts: Parts, record: TaskRecord, type: string, at: number): Promise<string> {
  const large = (record.result.json?.length ?? 0) > CALLBACK_RESULT_LIMIT;
  const { callback: _callback, ...view } = taskView(record, {
    publicUrl: parts.settings.publicUrl,
    now: at,
    include: { result: !large },
  });
  const data = { ...view, project: record.project };
  if (!large) return JSON.stringify({ type, timestamp: timestamp(at), data });
  const token = await parts.keyring.sealReadToken(record.project, record.id, record.resultExpiresAt ?? at);
  const links = { ...view.links, result: `${view.links.result}?token=${token}` };
  return JSON.stringify({ type, timestamp: timestamp(at), data: { ...data, resultOmitted: true, links } });
}
