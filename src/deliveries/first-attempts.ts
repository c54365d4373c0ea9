import { DELIVERY_LEASE_MARGIN } from "../shared/limits.ts";
import type { TaskRecord } from "../tasks/record.ts";
import type { StoredConfig } from "../projects/caller.ts";
import type { Concluded } from "../tasks/run/finish-task.ts";
import { deliver, send } from "./deliver.ts";
import { deliverMessage } from "../scheduling/flow-control.ts";
import type { Opened } from "../events/fan-out.ts";
import type { Invocation, Parts } from "../ports/dependencies.ts";
import type { QueueMessage } from "../ports/ports.ts";
import { publishAll } from "../scheduling/publish.ts";

/** Sends the first attempts of what a task's end opened; an outcome that came too late is logged, and changes nothing. */
export async function sendFirstAttempts(
  inv: Invocation,
  record: TaskRecord,
  concluded: Concluded | { readonly kind: "retrying" },
): Promise<void> {
  if (!isEnded(inv, record, concluded)) return;
  await patiently(inv, sendOpened(inv, record.project, concluded.opened, concluded));
}

/** The messages that ask for the first attempts of what a task's end opened, for who may not wait for a receiver. */
export function firstMessages(
  parts: Parts,
  record: TaskRecord,
  concluded: Concluded | { readonly kind: "retrying" },
): readonly QueueMessage[] {
  if (!isEnded(parts, record, concluded)) return [];
  const { now, queued } = concluded.opened;
  return messagesOf(parts, record.project, [...now, ...queued]);
}

function isEnded(
  { log }: Parts,
  { id: task, run }: TaskRecord,
  concluded: Concluded | { readonly kind: "retrying" },
): concluded is Extract<Concluded, { kind: "ended" }> {
  if (concluded.kind === "ended") return true;
  if (concluded.kind !== "retrying")
    log("info", "outcome-not-written", { task, run, reason: concluded.kind });
  return false;
}

/** How long whoever ended a task waits for its first attempts, and how much longer a Worker may work after its answer. */
const PATIENCE = 2_000;
const AFTER_ANSWER = 25_000;

/** Goes on without what takes long: a receiver that hangs holds up neither the queue's line nor a client. */
async function patiently({ settings, background }: Invocation, work: Promise<void>): Promise<void> {
  const longest = settings.callbackTimeout + DELIVERY_LEASE_MARGIN;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const enough = new Promise<void>((done) => {
    timer = setTimeout(done, Math.max(PATIENCE, longest - AFTER_ANSWER));
  });
  background.waitUntil(work);
  try {
    await Promise.race([work, enough]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Sends deliveries that were just opened, a few side by side; at the same time the rest goes to the queue in one
 * batch.
 */
export async function sendOpened(
  parts: Parts,
  project: string,
  opened: Opened,
  { config, now }: { readonly config: StoredConfig; readonly now: number },
): Promise<void> {
  const messages = messagesOf(parts, project, opened.queued);
  const sent = opened.now.map((parcel) => {
    const { id: delivery, lease } = parcel;
    if (!lease) return deliver(parts, { v: 1, project, delivery, attempt: 1 });
    const attempt = { lease: lease.id, attempt: 1, base: 0, crashes: 0 };
    return send(parts, { project, delivery, ...attempt, parcel, config, now });
  });
  await Promise.all([publishAll(parts, messages), ...sent]);
}

function messagesOf(parts: Parts, project: string, opened: Opened["queued"]): readonly QueueMessage[] {
  return opened.map((one) =>
    deliverMessage(parts, { v: 1, project, delivery: one.id, attempt: 1 }, one.delay ?? 0, one),
  );
}
