import { DELIVERY_RETENTION, RECOVER_BATCH, RECOVER_PACE } from "../domain/limits.ts";
import { Refusal } from "../domain/problems.ts";
import type { DeliveryRecord } from "../domain/record.ts";
import type { Caller } from "./caller.ts";
import { foundIn, readConfiguration } from "./configure.ts";
import { denied } from "./denied.ts";
import { closed } from "./destination.ts";
import { internalCaller } from "./fail.ts";
import { deliverMessage } from "./fair-use.ts";
import { type Idempotency, reused } from "./idempotency.ts";
import type { Invocation } from "./parts.ts";
import { rateOf } from "./project-config.ts";
import { publishAll } from "./publish.ts";
import { again } from "./redeliver.ts";

/** Deliveries that one Redis request reads, and sends again. */
const CHUNK = 100;

/** What an idempotency key of this call is remembered for: how many were recovered. */
const NOTE = "recovered:";

export interface RecoverRequest {
  /** Dead letters of this time on, and until then (now unless given); milliseconds. */
  readonly since: number;
  readonly until?: number;
  /** Says what would be sent, and sends nothing. */
  readonly dryRun: boolean;
  /** Deliveries per second; the endpoint's rate unless given. */
  readonly pace?: number;
}

export interface Recovery {
  /** Dead letters in that time. */
  readonly count: number;
  /** Of these, how many are on their way again. */
  readonly recovered: number;
  /** Deliveries per second. */
  readonly pace: number;
  /** The first of them, oldest first. */
  readonly deliveries: readonly DeliveryRecord[];
  readonly replayed: boolean;
}

/**
 * Sends an endpoint's dead letters again, oldest first, at a pace that it bears: each with its event id and body, its
 * schedule from the start. One call takes up to {@link RECOVER_BATCH}; what is on its way is no dead letter any more, so
 * another call goes on with the rest.
 *
 * @throws Refusal `endpoint-closed` when they would die at once
 */
export async function recover(
  inv: Invocation,
  caller: Caller,
  id: string,
  { since, until, dryRun, pace }: RecoverRequest,
  idempotency?: Idempotency,
): Promise<Recovery> {
  const read = await readConfiguration(inv, caller, "endpoints:write", idempotency);
  const endpoint = foundIn(read.config, id);
  const perSecond = pace ?? rateOf(endpoint) ?? RECOVER_PACE;
  const known = read.known?.startsWith(NOTE) && Number(read.known.slice(NOTE.length));
  if (typeof known === "number") {
    return { count: known, recovered: known, pace: perSecond, deliveries: [], replayed: true };
  }
  const refused = closed(endpoint);
  if (refused && !dryRun) throw new Refusal("endpoint-closed", refused.message);
  const letters = await inv.store.letters({
    caller,
    endpointId: id,
    since: Math.max(since, read.now - DELIVERY_RETENTION),
    until: Math.min(until ?? read.now, read.now),
    most: dryRun ? CHUNK : RECOVER_BATCH,
  });
  if (letters.kind !== "found") throw denied(letters, "endpoints:write");
  const { count, ids } = letters;
  const found = { count, pace: perSecond, replayed: false };
  const deliveries = await readAll(inv, caller, ids.slice(0, CHUNK));
  if (dryRun) return { ...found, recovered: 0, deliveries };
  let recovered = 0;
  for (let from = 0; from < ids.length; from += CHUNK) {
    const records = from === 0 ? deliveries : await readAll(inv, caller, ids.slice(from, from + CHUNK));
    const first = from === 0 && idempotency ? { idempotency, note: `${NOTE}${ids.length}` } : {};
    recovered += await sendAgain(inv, caller, records, { from, pace: perSecond, first });
  }
  return { ...found, recovered, deliveries };
}

async function readAll(inv: Invocation, { project }: Caller, ids: readonly string[]) {
  const answer = ids.length > 0 && (await inv.store.readDeliveries(internalCaller(project), ids));
  return answer && answer.kind === "found" ? answer.records : [];
}

/** Sends some again, each a little later than the one before; how many are on their way. */
async function sendAgain(
  inv: Invocation,
  caller: Caller,
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
  const answers = await inv.store.redeliverAll(commands);
  const messages = answers.flatMap((answer, index) => {
    if (answer.kind === "reused") throw reused();
    if (answer.kind !== "found") return [];
    const { record } = answer;
    const body = { v: 1, project: caller.project, delivery: record.id, attempt: record.attempt + 1 } as const;
    return [deliverMessage(inv, body, commands[index]?.delay ?? 0, record)];
  });
  inv.background.waitUntil(publishAll(inv, messages));
  return messages.length;
}
