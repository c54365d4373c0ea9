import type { Format } from "../../endpoints/endpoint.ts";
import type { NewTask } from "../../ports/commands/task.ts";
import { INLINE_LIMIT } from "../../shared/limits.ts";
import type { BatchRecord } from "../../tasks/batch/record.ts";
import type {
  DeliveryAttempt,
  DeliveryRecord,
  Failure,
  Placement,
  TaskRecord,
  TimelineEntry,
} from "../../tasks/record.ts";
import type { StoredStatus, TerminalStatus } from "../../tasks/status.ts";
import type { Context } from "./context.ts";
import { openIfPossible, openPayload, type StoredPayload } from "./payloads.ts";

type Fields = Readonly<Record<string, string>>;

/** The fields that a new task is given by its client; the rest is the script's. */
export function newTaskFields(
  task: NewTask,
  input: StoredPayload,
  idempotencyHash: string | undefined,
): readonly string[] {
  const inline = input.length <= INLINE_LIMIT;
  return [
    ["type", task.type],
    ["max", String(task.maxAttempts)],
    ["opt", JSON.stringify(task.options)],
    inline ? ["in", input] : ["inl", "1"],
    ...(Object.keys(task.metadata).length > 0 ? [["meta", JSON.stringify(task.metadata)]] : []),
    ...(task.callback ? [["cb", JSON.stringify(task.callback)]] : []),
    ...(task.trace ? [["trace", task.trace]] : []),
    ...(task.batch ? [["batch", task.batch]] : []),
    ...(idempotencyHash ? [["idem", idempotencyHash]] : []),
  ].flat();
}

/** A task from its hash, its payloads opened; undefined when the hash is empty. */
export async function readTaskFields(
  { payloads }: Pick<Context, "payloads">,
  project: string,
  id: string,
  fields: Fields,
): Promise<TaskRecord | undefined> {
  const record = readTaskState(project, id, fields);
  return (
    record && {
      ...record,
      input: await openPayload(payloads, placed(fields["in"], fields["inl"]), project),
      result: await openPayload(payloads, placed(fields["out"], fields["outl"]), project),
    }
  );
}

/** A task from its hash without its payloads, of which it says where they lie; undefined when the hash is empty. */
export function readTaskState(project: string, id: string, fields: Fields): TaskRecord | undefined {
  const { status, type } = fields;
  if (status === undefined || type === undefined) return undefined;
  const metadata: TaskRecord["metadata"] = fields["meta"] ? JSON.parse(fields["meta"]) : {};
  return {
    id,
    project,
    type,
    status: status as StoredStatus, // written by our own scripts alone
    run: number(fields["run"]),
    sequence: number(fields["seq"]),
    attempt: number(fields["attempt"]),
    maxAttempts: number(fields["max"]),
    crashes: number(fields["crashes"]),
    createdAt: number(fields["created"]),
    startsAt: number(fields["start"]),
    nextAt: number(fields["next"]),
    deadlineAt: number(fields["deadline"]),
    ...optionalTimes(fields),
    ...(fields["progress"] && { progress: JSON.parse(fields["progress"]) }),
    metadata,
    options: JSON.parse(fields["opt"] ?? "{}"),
    ...(fields["cb"] && { callback: JSON.parse(fields["cb"]) }),
    input: { placement: placed(fields["in"], fields["inl"]).placement },
    result: { placement: placed(fields["out"], fields["outl"]).placement },
    ...(fields["err"] && { error: JSON.parse(fields["err"]) as Failure }),
    deliveries: fields["dels"] ? fields["dels"].split(",") : [],
    pastDeliveries: fields["past"] ? fields["past"].split(",") : [],
    progressDeliveries: fields["pdel"] ? fields["pdel"].split(",") : [],
    sharedBodies: fields["evs"] ? fields["evs"].split(",") : [],
    ...(fields["idem"] && { idempotencyHash: fields["idem"] }),
    ...(fields["beatby"] && { heartbeatBy: number(fields["beatby"]) }),
    ...(fields["lease"] && { lease: fields["lease"] }),
    ...(fields["held"] && { held: true }),
    ...(fields["parked"] === "1" && { parked: true }),
    ...(fields["batch"] && { batch: fields["batch"] }),
    ...serviceFields(fields),
    ...(fields["trace"] && { trace: fields["trace"] }),
    timeline: timeline(fields),
  };
}

/** A delivery from its hash, its body opened; undefined when the hash is empty. */
export async function readDeliveryFields(
  { payloads }: Pick<Context, "payloads">,
  project: string,
  id: string,
  fields: Fields,
): Promise<DeliveryRecord | undefined> {
  const record = readDeliveryState(project, id, fields);
  if (!record || fields["body"] === undefined) return record;
  const body = await openIfPossible(payloads, fields["body"], project);
  return body === undefined ? { ...record, undecryptable: true } : { ...record, body };
}

/** A delivery from its hash without its body; undefined when the hash is empty. */
export function readDeliveryState(project: string, id: string, fields: Fields): DeliveryRecord | undefined {
  const { status, task, event, type, url } = fields;
  if (
    status === undefined ||
    task === undefined ||
    event === undefined ||
    type === undefined ||
    url === undefined
  ) {
    return undefined;
  }
  return {
    id,
    project,
    taskId: task,
    ...(fields["batch"] && { batchId: fields["batch"] }),
    eventId: event,
    eventType: type,
    url,
    ...(fields["endpoint"] && { endpointId: fields["endpoint"] }),
    status: status as DeliveryRecord["status"], // written by our own scripts alone
    attempt: number(fields["attempt"]),
    base: number(fields["base"]),
    crashes: number(fields["crashes"]),
    createdAt: number(fields["created"]),
    nextAt: number(fields["next"]),
    leaseUntil: number(fields["until"]),
    ...(fields["held"] && { heldSince: number(fields["held"]) }),
    ...(fields["waits"] && { unverifiedSince: number(fields["waits"]) }),
    ...(fields["ended"] && { endedAt: number(fields["ended"]) }),
    format: (fields["fmt"] ?? "full") as Format, // written by our own scripts alone
    ...(fields["rate"] && { rateLimit: number(fields["rate"]) }),
    ...(fields["once"] === "1" && { once: true }),
    ...(fields["trace"] && { trace: fields["trace"] }),
    attempts: numbered(fields, "a:").map(([, json]) => JSON.parse(json) as DeliveryAttempt),
  };
}

/** A batch from its hash; undefined when the hash is empty. */
export function readBatchFields(project: string, id: string, fields: Fields): BatchRecord | undefined {
  const { status } = fields;
  if (status === undefined) return undefined;
  return {
    id,
    project,
    status: status as BatchRecord["status"], // written by our own scripts alone
    createdAt: number(fields["created"]),
    ...(fields["ended"] && { completedAt: number(fields["ended"]) }),
    ...(fields["cb"] && { callbackUrl: fields["cb"] }),
    metadata: JSON.parse(fields["meta"] ?? "{}"),
    ...(fields["trace"] && { trace: fields["trace"] }),
    ...(fields["idem"] && { idempotencyHash: fields["idem"] }),
    deliveries: fields["dels"] ? fields["dels"].split(",") : [],
    tasks: Object.entries(fields)
      .filter(([name]) => name.startsWith("t:"))
      .map(([name, ended]) => ({
        id: name.slice("t:".length),
        ...(ended !== "" && { ended: ended as TerminalStatus }), // the status that `end` wrote
      }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

function optionalTimes(fields: Fields): Pick<TaskRecord, "startedAt" | "endedAt" | "resultExpiresAt"> {
  return {
    ...(fields["started"] && { startedAt: number(fields["started"]) }),
    ...(fields["ended"] && { endedAt: number(fields["ended"]) }),
    ...(fields["expires"] && { resultExpiresAt: number(fields["expires"]) }),
  };
}

/** `call` and `poll` begin with the run and attempt that they are of: those of earlier ones say nothing any more. */
function serviceFields(fields: Fields): Pick<TaskRecord, "calls" | "poll"> {
  const present = `${fields["run"]}.${fields["attempt"]}`;
  const [called, ...calls] = (fields["call"] ?? "").split(" ");
  const [polled, number_, url, _nonce, service] = (fields["poll"] ?? "").split(" ");
  return {
    ...(called === present && { calls }),
    ...(polled === present && url && { poll: { number: Number(number_), url, ...(service && { service }) } }),
  };
}

function placed(
  json: string | undefined,
  large: string | undefined,
): { placement: Placement; json?: string } {
  if (large) return { placement: "key", ...(json && { json }) };
  return json ? { placement: "inline", json } : { placement: "none" };
}

/** A timeline entry is stored as `<at> <run> <type> <actor> <cause>`. */
function timeline(fields: Fields): TimelineEntry[] {
  return numbered(fields, "l:").map(([sequence, text]) => {
    const [at = "0", run = "0", type = "", actor = "", ...cause] = text.split(" ");
    return {
      sequence,
      at: number(at),
      run: number(run),
      type,
      actor,
      ...(cause.length > 0 && cause[0] !== "" && { cause: cause.join(" ") }),
    };
  });
}

/** The fields whose name is the prefix and a number, in order of the number. */
function numbered(fields: Fields, prefix: string): [number, string][] {
  return Object.entries(fields)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, text]): [number, string] => [Number(name.slice(prefix.length)), text])
    .sort(([a], [b]) => a - b);
}

function number(text: string | undefined): number {
  return Number(text ?? 0);
}
