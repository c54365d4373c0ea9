import { DELIVERY_LEASE_MARGIN } from "../domain/limits.ts";
import type { Progress, TaskRecord } from "../domain/record.ts";
import type { StoredConfig } from "./caller.ts";
import { deliver, send } from "./deliver.ts";
import type { NewDelivery } from "./delivery-commands.ts";
import { announcement, asksFor } from "./events.ts";
import type { Parts } from "./parts.ts";
import { StoreUnavailable } from "./ports.ts";

/** A leased task. */
interface Held {
  readonly record: TaskRecord;
  readonly config: StoredConfig;
  readonly lease: string;
  /** Redis time. */
  readonly time: () => number;
}

/** Tells of a task's work while it goes on. */
export interface Announcer {
  /** To be called when progress was written; absent when nobody asked for its events. */
  readonly progress?: (progress: Progress) => void;
  /** Resolves when all that must be delivered is kept. @throws StoreUnavailable */
  opened(): Promise<void>;
  /** Resolves when nothing is on its way any more. */
  sent(): Promise<void>;
}

const SILENT: Announcer = { opened: async () => undefined, sent: async () => undefined };

/** Announces a task's start beside its handler, and its progress; nothing, and at no cost, where nobody asked. */
export function announcer(parts: Parts, held: Held): Announcer {
  const wantsStart = asksFor(held.record, "task.started");
  const wantsProgress = asksFor(held.record, "task.progress");
  if (!wantsStart && !wantsProgress) return SILENT;
  const start = wantsStart ? announceStart(parts, held) : undefined;
  const teller = wantsProgress ? tellProgress(parts, held) : undefined;
  return {
    ...(teller && { progress: teller.tell }),
    opened: async () => {
      teller?.stop();
      await start?.opened();
    },
    sent: async () => {
      await Promise.all([start?.sent(), teller?.sent()]);
    },
  };
}

/** Its failure is told to whoever asks whether it is open: until then nobody waits for it. */
function announceStart(parts: Parts, held: Held) {
  const opening = announcement(parts, held.record, "task.started", Math.floor(held.time())).then((delivery) =>
    open(parts, held, delivery),
  );
  const sending = opening.then((sendIt) => sendIt?.());
  const settled = Promise.allSettled([opening, sending]);
  const opened = Promise.allSettled([opening]);
  return {
    opened: async () => {
      const [result] = await opened;
      if (result.status === "rejected") throw result.reason;
    },
    sent: async () => {
      const [wasOpened, wasSent] = await settled;
      if (wasOpened.status === "fulfilled" && wasSent.status === "rejected") throw wasSent.reason;
    },
  };
}

/** One event of progress at a time: what comes while one is on its way is overtaken by what comes after it. */
function tellProgress(parts: Parts, held: Held) {
  let newest: Progress | undefined;
  let telling: Promise<void> | undefined;
  let { progressDelivery } = held.record;
  async function tellAll(): Promise<void> {
    while (newest) {
      const record = { ...held.record, progress: newest, ...(progressDelivery && { progressDelivery }) };
      newest = undefined;
      progressDelivery = await announceProgress(parts, record, held);
    }
  }
  return {
    tell: (progress: Progress) => {
      newest = progress;
      telling ??= tellAll().finally(() => {
        telling = undefined;
      });
    },
    stop: () => {
      newest = undefined;
    },
    sent: () => telling,
  };
}

/**
 * Tells of a task's newest progress, once. What cannot be told now is dropped: the next one overtakes it.
 *
 * @param record the task with that progress, and the delivery of the one before as far as it is known
 * @param held how the task is leased; undefined when the bearer of its token speaks
 * @returns the newest delivery of its progress
 */
export async function announceProgress(
  parts: Parts,
  record: TaskRecord,
  held?: Held,
): Promise<string | undefined> {
  const { project, progress, progressDelivery } = record;
  try {
    const made = await announcement(parts, record, "task.progress", progress?.at ?? 0);
    const [delivery] = held ? [leased(parts, made)] : [made];
    const command = { record, ...(held && { lease: held.lease }), delivery };
    const answer = await parts.store.announce(command);
    if (answer.kind === "changed") {
      const { progressDelivery: _overtaken, ...rest } = record;
      if (answer.newest === progressDelivery) return progressDelivery;
      return await announceProgress(
        parts,
        answer.newest === "" ? rest : { ...rest, progressDelivery: answer.newest },
        held,
      );
    }
    if (answer.kind !== "opened") return progressDelivery;
    if (held) await sendLeased(parts, held, delivery, answer.now);
    else await deliver(parts, { v: 1, project, delivery: delivery.id, attempt: 1 });
    return delivery.id;
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    parts.log("warn", "progress-not-told", { task: record.id, reason: error.message });
    return progressDelivery;
  }
}

/** Opens a delivery that this caller sends; undefined when somebody else has, or the attempt is over. */
async function open(parts: Parts, held: Held, made: NewDelivery): Promise<(() => Promise<void>) | undefined> {
  const delivery = leased(parts, made);
  const answer = await parts.store.announce({ record: held.record, lease: held.lease, delivery });
  return answer.kind === "opened" ? () => sendLeased(parts, held, delivery, answer.now) : undefined;
}

function leased(parts: Parts, delivery: NewDelivery): NewDelivery {
  const length = parts.settings.callbackTimeout + DELIVERY_LEASE_MARGIN;
  return { ...delivery, lease: { id: crypto.randomUUID(), length } };
}

function sendLeased(parts: Parts, held: Held, delivery: NewDelivery, now: number): Promise<void> {
  const lease = delivery.lease?.id ?? "";
  const { config, record } = held;
  const attempt = { project: record.project, delivery: delivery.id, lease, attempt: 1, base: 0, crashes: 0 };
  return send(parts, { ...attempt, parcel: delivery, config, now });
}
