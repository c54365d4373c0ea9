import type { Format } from "../endpoints/endpoint.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import type { SignedLinks } from "../ports/keyring.ts";
import { CALLBACK_RESULT_LIMIT } from "../shared/limits.ts";
import { taskView, timestamp } from "../tasks/view.ts";
import type { FullTaskData, ThinTaskData } from "./schema.ts";
import type { TaskEvent } from "./task-events.ts";

/** The parts that the body of an event uses. */
export type SerializeParts = Pick<Dependencies, "settings"> & { readonly keyring: SignedLinks };

/** The media types of bodies. */
export const MEDIA: Readonly<Record<Format, string>> = {
  full: "application/json",
  thin: "application/json",
  cloudevents: "application/cloudevents+json",
};

/** The content of an event, before it is written in a format. */
export interface Message {
  readonly id: string;
  readonly type: string;
  /** Milliseconds. */
  readonly at: number;
  /** Its subject: a task's or an endpoint's id. */
  readonly subject: string;
  readonly data: unknown;
}

/** The body of an event: `{type, timestamp, data}` (Standard Webhooks), or a CloudEvent in structured mode. */
export function write(
  { settings }: SerializeParts,
  { id, type, at, subject, data }: Message,
  format: Format,
): string {
  if (format !== "cloudevents") return JSON.stringify({ type, timestamp: timestamp(at), data });
  return JSON.stringify({
    specversion: "1.0",
    id,
    source: settings.publicUrl,
    type,
    subject,
    time: timestamp(at),
    datacontenttype: "application/json",
    data,
  });
}

/**
 * The body of a task's event. Full: the task object with its result, or a link to it when it is large; thin: the fields
 * by which a receiver decides whether to fetch the task, and a link to it.
 */
export async function taskBody(
  deps: SerializeParts,
  event: TaskEvent,
  id: string,
  format: Format,
): Promise<string> {
  const { record, type, at } = event;
  const data = format === "thin" ? thinData(deps, event) : await fullData(deps, event);
  return write(deps, { id, type, at, subject: record.id, data }, format);
}

function thinData(deps: SerializeParts, { record, at }: TaskEvent): ThinTaskData {
  const view = taskView(record, { publicUrl: deps.settings.publicUrl, now: at, include: { result: false } });
  const { id, type, status, done, run, sequence, links } = view;
  return { id, type, status, done, run, sequence, project: record.project, links };
}

async function fullData(deps: SerializeParts, { record, at }: TaskEvent): Promise<FullTaskData> {
  const large = (record.result.json?.length ?? 0) > CALLBACK_RESULT_LIMIT;
  const { callback: _callback, ...view } = taskView(record, {
    publicUrl: deps.settings.publicUrl,
    now: at,
    include: { result: !large },
  });
  const data = { ...view, project: record.project };
  if (!large) return data;
  const token = await deps.keyring.issueReadToken(record.project, record.id, record.resultExpiresAt ?? at);
  const links = { ...view.links, result: `${view.links.result}?token=${token}` };
  return { ...data, resultOmitted: true, links };
}
