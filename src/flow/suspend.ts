import { DELIVERY_LEASE_MARGIN } from "../domain/limits.ts";
import type { TaskRecord } from "../domain/record.ts";
import { type Conclusion, conclude, expiry, leaseTo } from "./conclude.ts";
import type { NewDelivery } from "./delivery-commands.ts";
import { announcement, asksFor } from "./events.ts";
import { sendFirstAttempts, sendOpened } from "./first-attempts.ts";
import type { Invocation, Parts } from "./parts.ts";

/** A leased attempt whose work was handed on. */
export interface Suspending extends Omit<Conclusion, "ending" | "caller" | "idempotency"> {
  /** Milliseconds that the bearer of the task's token may be silent. */
  readonly heartbeat?: number;
}

/** Leaves a task to the bearer of its token; says so to whoever asked to be told. Who was faster has been heard. */
export async function suspend(inv: Invocation, held: Suspending): Promise<void> {
  const { authority, heartbeat, progress } = held;
  const record = progress ? { ...held.record, progress } : held.record;
  let { config } = held;
  for (let attempt = 0; attempt < 5; attempt++) {
    const length = inv.settings.callbackTimeout + DELIVERY_LEASE_MARGIN;
    const deliveries = leaseTo(authority, length, await waitingDeliveries(inv, record, held.time()));
    const answer = await inv.store.end({
      record,
      authority,
      outcome: { kind: "waiting", deliveries, ...(heartbeat !== undefined && { heartbeat }) },
      actor: held.actor,
      ...(progress && { progress }),
      configVersion: config.version,
      nonce: crypto.randomUUID(),
    });
    switch (answer.kind) {
      case "ended":
        return sendOpened(inv, record.project, deliveries, { config, now: answer.now });
      case "config-changed":
        config = answer.config;
        continue;
      case "deadline-passed": {
        const concluded = await conclude(inv, { ...held, config, ending: expiry(record), cause: "deadline" });
        return sendFirstAttempts(inv, record, concluded);
      }
      default:
        inv.log("info", "outcome-not-written", { task: record.id, run: record.run, reason: answer.kind });
        return;
    }
  }
  throw new Error(`Task ${record.id} could not be left waiting: its project's configuration keeps changing.`);
}

async function waitingDeliveries(
  parts: Parts,
  record: TaskRecord,
  now: number,
): Promise<readonly NewDelivery[]> {
  if (!asksFor(record, "task.waiting")) return [];
  const waiting: TaskRecord = { ...record, status: "waiting", sequence: record.sequence + 1 };
  return [await announcement(parts, waiting, "task.waiting", Math.floor(now))];
}
