import type { Letter } from "../ports/commands/delivery.ts";
import type { RequestContext } from "../ports/dependencies.ts";
import type { DeliveryReadStore, RedeliveryStore } from "../ports/stores/delivery-store.ts";
import { type ConfigureParts, foundIn, readConfiguration } from "../projects/configure.ts";
import { denied } from "../projects/denied.ts";
import { type Client, system } from "../projects/principal.ts";
import { rateOf } from "../projects/project-config.ts";
import { deliverMessage, type FlowParts } from "../scheduling/flow-control.ts";
import { type PublishParts, publishAll } from "../scheduling/publish.ts";
import { base64url, fromBase64url, utf8 } from "../shared/bytes.ts";
import { type Idempotency, reused } from "../shared/idempotency.ts";
import { MAX_RETENTION, RECOVER_BATCH, RECOVER_PACE } from "../shared/limits.ts";
import { ApiError } from "../shared/problems.ts";
import type { DeliveryRecord } from "../tasks/record.ts";
import { closed } from "./destination.ts";
import { again } from "./redeliver.ts";

/** The parts that a recovery uses. */
type RecoverParts = ConfigureParts &
  FlowParts &
  PublishParts &
  Pick<RequestContext, "background"> & { readonly store: DeliveryReadStore & RedeliveryStore };

/** Deliveries that one Redis request reads, and sends again. */
const CHUNK = 100;

/** The value kept under the call's idempotency key: how many were recovered, and where to continue. */
const NOTE = "recovered:";

export interface RecoverRequest {
  /** Dead letters of this time on, and until then (now unless given); milliseconds. */
  readonly since: number;
  readonly until?: number;
  /** Reports the deliveries that would be sent, and sends nothing. */
  readonly dryRun: boolean;
  /** Deliveries per second; the endpoint's rate unless given. */
  readonly pace?: number;
  /** The end of the previous page. */
  readonly cursor?: string;
}

export interface Recovery {
  /** Dead letters in that time, from the cursor on. */
  readonly count: number;
  /** How many of these are being sent again. */
  readonly recovered: number;
  /** Deliveries per second. */
  readonly pace: number;
  /** The first of them, oldest first. */
  readonly deliveries: readonly DeliveryRecord[];
  /** The cursor of the next page; absent on the last one. */
  readonly nextCursor?: string;
  readonly replayed: boolean;
}

/**
 * Sends an endpoint's dead letters again, oldest first, at its pace: each with its event id and body, its
 * schedule from the start. One call takes up to {@link RECOVER_BATCH}, a dry run shows up to {@link CHUNK}; the cursor
 * leads to the rest.
 *
 * @throws ApiError `endpoint-closed` when they would die at once
 */
export async function recover(
  ctx: RecoverParts,
  caller: Client,
  id: string,
  { since, until, dryRun, pace, cursor }: RecoverRequest,
  idempotency?: Idempotency,
): Promise<Recovery> {
  const position = readCursor(cursor);
  const read = await readConfiguration(ctx, caller, "endpoints:write", idempotency);
  const endpoint = foundIn(read.config, id);
  const perSecond = pace ?? rateOf(endpoint) ?? RECOVER_PACE;
  if (read.known?.startsWith(NOTE)) return recoveredBefore(read.known, perSecond);
  const refused = closed(endpoint);
  if (refused && !dryRun) throw new ApiError("endpoint-closed", refused.message);
  // A delivery that dies during the walk is not met again: the time of the first page bounds all pages.
  const end = Math.min(until ?? read.now, position?.until ?? read.now, read.now);
  const deadLetters = await ctx.store.listDeadLetters({
    caller,
    endpointId: id,
    since: Math.max(since, read.now - MAX_RETENTION),
    until: end,
    most: dryRun ? CHUNK : RECOVER_BATCH,
    ...(position && { after: position.after }),
  });
  if (deadLetters.kind !== "found") throw denied(deadLetters, "endpoints:write");
  const nextCursor = deadLetters.next && writeCursor(deadLetters.next, end);
  const found = { pace: perSecond, replayed: false, ...(nextCursor !== undefined && { nextCursor }) };
  const note = `${NOTE}${deadLetters.deadLetters.length}${nextCursor === undefined ? "" : `:${nextCursor}`}`;
  const sent = await sendAll(ctx, caller, deadLetters.deadLetters, {
    pace: perSecond,
    dryRun,
    ...(idempotency && { remembered: { idempotency, note } }),
  });
  const { recovered, deliveries, stale } = sent;
  return { ...found, count: deadLetters.count - stale, recovered, deliveries };
}

/** The inputs for sending some dead letters again. */
interface Sending {
  /** Deliveries per second. */
  readonly pace: number;
  readonly dryRun: boolean;
  /** The value kept under the call's idempotency key. */
  readonly remembered?: { readonly idempotency: Idempotency; readonly note: string };
}

/**
 * Sends dead letters again, a chunk at a time. The idempotency key is remembered with the last chunk: a call that was
 * interrupted continues when it is repeated, with the remaining dead letters.
 */
async function sendAll(ctx: RecoverParts, caller: Client, deadLetters: readonly Letter[], sending: Sending) {
  let deliveries: readonly DeliveryRecord[] = [];
  let [recovered, stale] = [0, 0];
  for (let from = 0; from < deadLetters.length; from += CHUNK) {
    const dead = await readDead(ctx, caller, deadLetters.slice(from, from + CHUNK));
    stale += dead.stale;
    if (from === 0) deliveries = dead.records;
    if (sending.dryRun) continue;
    const isLast = from + CHUNK >= deadLetters.length;
    recovered += await sendAgain(ctx, caller, dead.records, {
      from: recovered,
      pace: sending.pace,
      first: (isLast && sending.remembered) || {},
    });
  }
  return { recovered, stale, deliveries };
}

/** The earlier answer under the same idempotency key: how many were recovered, and where to continue. */
function recoveredBefore(note: string, pace: number): Recovery {
  const [, count = "0", nextCursor] = note.split(":");
  const recovered = Number(count);
  return {
    count: recovered,
    recovered,
    pace,
    deliveries: [],
    ...(nextCursor !== undefined && { nextCursor }),
    replayed: true,
  };
}

/** `<until> <h or d> <time> <entry>`, base64url. */
function writeCursor({ filed, at, id }: Letter, until: number): string {
  const text = `${until} ${filed === "by-hour" ? "h" : "d"} ${at} ${id}`;
  return base64url(utf8(text));
}

function readCursor(cursor: string | undefined): { until: number; after: Letter } | undefined {
  if (cursor === undefined) return undefined;
  const bytes = cursor.length <= 200 ? fromBase64url(cursor) : undefined;
  const text = new TextDecoder().decode(bytes);
  const [, until, filed, at, id] =
    /^(\d{1,15}) ([hd]) (\d{1,15}) (del_[0-9a-z]{26}(?:\|ep_[0-9a-z]{26})?)$/.exec(text) ?? [];
  if (id === undefined)
    throw new ApiError("invalid-request", "The body does not fit its schema.", {
      errors: [{ pointer: "#/cursor", detail: "is not one that this API gave" }],
    });
  return {
    until: Number(until),
    after: { id, at: Number(at), filed: filed === "h" ? "by-hour" : "by-day" },
  };
}

/** The greatest difference between the time in a day of earlier versions and the end of its delivery, milliseconds. */
const OLD_TOLERANCE = 60_000;

/**
 * Those of the dead letters that are dead, of this very death: one that a gateway of an earlier version has sent again
 * stays on the list. And how many are not.
 */
async function readDead(
  ctx: RecoverParts,
  caller: Client,
  deadLetters: readonly Letter[],
): Promise<{ readonly records: readonly DeliveryRecord[]; readonly stale: number }> {
  const read = await readAll(
    ctx,
    caller,
    deadLetters.map(({ id }) => id),
  );
  const found = new Map(read.map((record) => [record.id, record]));
  const records = deadLetters.flatMap(({ id, at, filed }): DeliveryRecord[] => {
    const record = found.get(id);
    const apart = Math.abs((record?.endedAt ?? 0) - at);
    const isDead = record?.status === "dead" && apart <= (filed === "by-hour" ? 0 : OLD_TOLERANCE);
    return isDead ? [record] : [];
  });
  return { records, stale: deadLetters.length - records.length };
}

async function readAll(ctx: RecoverParts, { project }: Client, ids: readonly string[]) {
  const answer = ids.length > 0 && (await ctx.store.readDeliveries(system(project), ids));
  return answer && answer.kind === "found" ? answer.records : [];
}

/** Sends some again, each a little later than the previous one; returns how many were sent. */
async function sendAgain(
  ctx: RecoverParts,
  caller: Client,
  records: readonly DeliveryRecord[],
  {
    from,
    pace,
    first,
  }: {
    readonly from: number;
    readonly pace: number;
    readonly first: { readonly idempotency?: Idempotency; readonly note?: string };
  },
): Promise<number> {
  const commands = records.map((record, index) => ({
    ...again(caller, record),
    scope: "endpoints:write" as const,
    delay: Math.round(((from + index) * 1_000) / pace),
    ...(index === 0 && first),
  }));
  const answers = await ctx.store.redeliverAll(commands);
  const messages = answers.flatMap((answer, index) => {
    if (answer.kind === "reused") throw reused();
    if (answer.kind !== "found") return [];
    const { record } = answer;
    const body = { v: 1, project: caller.project, delivery: record.id, attempt: record.attempt + 1 } as const;
    return [deliverMessage(ctx, body, commands[index]?.delay ?? 0, record)];
  });
  ctx.background.waitUntil(publishAll(ctx, messages));
  return messages.length;
}
