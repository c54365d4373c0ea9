import { INLINE_DELIVERIES } from "../domain/limits.ts";
import type { TaskRecord } from "../domain/record.ts";
import type { StoredConfig } from "./caller.ts";
import type { Concluded } from "./conclude.ts";
import { deliver, send } from "./deliver.ts";
import type { NewDelivery } from "./delivery-commands.ts";
import { deliverMessage } from "./fair-use.ts";
import type { Invocation } from "./parts.ts";
import { publish } from "./publish.ts";

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
  await sendOpened(inv, record.project, concluded.opened, concluded);
}

/** Sends deliveries that were just opened, a few side by side; the rest goes by the queue. */
export async function sendOpened(
  inv: Invocation,
  project: string,
  opened: readonly NewDelivery[],
  { config, now }: { readonly config: StoredConfig; readonly now: number },
): Promise<void> {
  const queued = opened.slice(INLINE_DELIVERIES).map(({ id }) => {
    const body = { v: 1, project, delivery: id, attempt: 1 } as const;
    return publish(inv, deliverMessage(inv, body, 0));
  });
  const sent = opened.slice(0, INLINE_DELIVERIES).map((parcel) => {
    const { id: delivery, lease } = parcel;
    if (!lease) return deliver(inv, { v: 1, project, delivery, attempt: 1 });
    const attempt = { lease: lease.id, attempt: 1, base: 0, crashes: 0 };
    return send(inv, { project, delivery, ...attempt, parcel, config, now });
  });
  await Promise.all([...queued, ...sent]);
}
