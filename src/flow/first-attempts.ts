import { DELIVERY_LEASE_MARGIN } from "../domain/limits.ts";
import type { TaskRecord } from "../domain/record.ts";
import type { StoredConfig } from "./caller.ts";
import type { Concluded } from "./conclude.ts";
import { deliver, send } from "./deliver.ts";
import { deliverMessage } from "./fair-use.ts";
import type { Opened } from "./fan-out.ts";
import type { Invocation, Parts } from "./parts.ts";
import { publishAll } from "./publish.ts";

/** Sends the first attempts of what a task's end opened; an outcome that came too late is logged, and changes nothing. */
export async function sendFirstAttempts(
  inv: Invocation,
  record: TaskRecord,
  concluded: Concluded | { readonly kind: "retrying" },
): Promise<void> {
  if (concluded.kind === "retrying") return;
  if (concluded.kind !== "ended") {
    inv.log("info", "outcome-not-written", { task: record.id, run: record.run, reason: concluded.kind });
    return;
  }
  await patiently(inv, sendOpened(inv, record.project, concluded.opened, concluded));
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
  const messages = opened.queued.map((delivery) =>
    deliverMessage(
      parts,
      { v: 1, project, delivery: delivery.id, attempt: 1 },
      delivery.delay ?? 0,
      delivery,
    ),
  );
  const sent = opened.now.map((parcel) => {
    const { id: delivery, lease } = parcel;
    if (!lease) return deliver(parts, { v: 1, project, delivery, attempt: 1 });
    const attempt = { lease: lease.id, attempt: 1, base: 0, crashes: 0 };
    return send(parts, { project, delivery, ...attempt, parcel, config, now });
  });
  await Promise.all([publishAll(parts, messages), ...sent]);
}
