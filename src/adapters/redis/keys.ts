import { isId, partitionOf } from "../../shared/id.ts";

const HOUR = 3_600_000;

/** The names of everything that is stored (docs/storage.md). No braces: there is no cluster to please. */
const SCHEMA = "rb1";

function partitionKey(partition: number): string {
  return `${SCHEMA}:${partition.toString(16).padStart(3, "0")}`;
}

/** Project names to ids: like the next, a key without a partition. */
export const DIRECTORY = `${SCHEMA}:dir`;

/** The version of what is stored; missing while it is the first. */
export const STORED_VERSION = `${SCHEMA}:ver`;
/** From when on, in milliseconds, texts are encrypted in the bound form. */
export const BOUND_FROM = `${SCHEMA}:bound`;

/** Encrypted keys that prove API keys, by generation of the master secret. */
export const GENERATIONS = `${SCHEMA}:gens`;

/** How far the re-encryption under a new master secret has come. */
export const RE_ENCRYPTION = `${SCHEMA}:reseal`;

/** The pattern that every key matches. */
export const EVERY_KEY = `${SCHEMA}:*`;
/** The doctor's last probe. */
export const PROBED = `${SCHEMA}:doctor`;
/** The tasks that the sweeps saw waiting for their start. */
export const WAITING = `${SCHEMA}:waiting`;
/** When the last sweep was made. */
export const SWEPT = `${SCHEMA}:sweep`;

/**
 * Stands for key and secret of the admin, whose token the edge has verified: neither is ever that of an API key. With a
 * space and scopes after it, the secret is that of a user of the app around the gateway: that app has verified them.
 */
export const ADMIN = "admin";

/** Where a fingerprint or a time would stand: what was made here was erased. */
export const ERASED = "-";

export function dueKey(partition: number): string {
  return `${partitionKey(partition)}:due`;
}

export function choresKey(partition: number): string {
  return `${partitionKey(partition)}:chores`;
}

/** The keys of one project; all lie in its home partition. */
export function keysOf(project: string) {
  const partition = partitionKey(partitionOf(project));
  const p = `${partition}:${project}`;
  return {
    due: `${partition}:due`,
    chores: `${partition}:chores`,
    /** A type's limits hold over all projects. */
    running: (type: string) => `${partition}:running:${type}`,
    starts: (type: string) => `${partition}:starts:${type}`,
    project: `${p}:proj`,
    config: `${p}:cfg`,
    idempotency: (hash: string) => `${p}:idem:${hash}`,
    revoked: (key: string) => `${p}:revoked:${key}`,
    task: (id: string) => `${p}:t:${id}`,
    input: (id: string) => `${p}:t:${id}:in`,
    result: (id: string, run: number) => `${p}:t:${id}:out:${run}`,
    batch: (id: string) => `${p}:b:${id}`,
    delivery: (id: string) => `${p}:d:${id}`,
    /** The name is the event's id and the format, `evt_…:full`. */
    sharedBody: (name: string) => `${p}:e:${name}`,
    hours: `${p}:hours`,
    /** Hours with tasks that were replayed more than a year after they were accepted. */
    lateHours: `${p}:late`,
    index: (hour: number) => `${p}:x:${hour}`,
    ending: (hour: number, status: string) => `${p}:x:${hour}:${status}`,
    metadata: (hour: number, pair: string) => `${p}:x:${hour}:m:${pair}`,
    /** An endpoint's dead letters of one hour; without an endpoint those of `callbackUrl`. */
    deadLetters: (endpoint: string | undefined, hour: number) =>
      `${p}:dead:${endpoint ?? "callback"}:${hour}`,
    /** All dead letters of one day: the release before reads no other set, and files in no other. */
    oldLetters: (day: number) => `${p}:dead:${day}`,
    circuits: `${p}:circuits`,
    /** Tasks whose next attempt is held while the project or their type is paused. */
    parked: `${p}:parked`,
    /** A task's hash once it is being erased: says what is left to erase. */
    erasing: (id: string) => `${p}:erasing:${id}`,
    health: (endpoint: string) => `${p}:ep:${endpoint}:health`,
  };
}

/** Hours since the epoch. */
export function hourOf(time: number): number {
  return Math.floor(time / HOUR);
}

/** Days since the epoch. */
export function dayOf(time: number): number {
  return Math.floor(time / (24 * HOUR));
}

/** A task's member of the due set. */
export function taskMember(project: string, task: string): string {
  return `t|${project}|${task}`;
}

/** A project's member of the chores: its API keys are to be looked over. */
export function keysChore(project: string): string {
  return `k|${project}`;
}

/** A project's member of the chores: tasks that were parked are to be started. */
export function resumeChore(project: string): string {
  return `r|${project}`;
}

/** A task's member of the chores: it is being erased. */
export function erasureChore(project: string, task: string): string {
  return `e|${project}|${task}`;
}

/** A delivery's member of the due set. */
export function deliveryMember(project: string, delivery: string): string {
  return `d|${project}|${delivery}`;
}

/** A batch's member of the due set. */
export function batchMember(project: string, batch: string): string {
  return `b|${project}|${batch}`;
}

/** A dead delivery's member of its day's dead letters. */
export function oldDeadLetterOf(delivery: string, endpoint: string | undefined): string {
  return endpoint === undefined ? delivery : `${delivery}|${endpoint}`;
}

const KINDS = { t: "task", d: "del", b: "batch" } as const;

/** The task, delivery or batch that a member of the due set names; undefined for a foreign member. */
export function parseMember(
  member: string,
): { kind: keyof typeof KINDS; project: string; id: string } | undefined {
  const [kind, project = "", id = "", ...rest] = member.split("|");
  if ((kind !== "t" && kind !== "d" && kind !== "b") || rest.length > 0) return undefined;
  if (!isId("prj", project) || !isId(KINDS[kind], id)) return undefined;
  return { kind, project, id };
}
