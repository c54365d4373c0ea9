import { setTimeout as sleep } from "node:timers/promises";
import { type DeliverySummary, RingbackError } from "../../client/index.ts";
import type { Source } from "./source.ts";
import type { Verdict } from "./verdict.ts";

/** The gateway's next step after this attempt. */
export interface NextStep {
  /** The attempt's number, where the gateway says it. */
  readonly attempt?: number;
  readonly next: "delivered" | "retry" | "dead" | "unknown";
  readonly nextAttemptAt?: string;
  /** For people, when it is unknown. */
  readonly why?: string;
}

/** The gateway records an attempt after it has the answer. */
const LOOKS = 20;
const BETWEEN_MS = 150;

/** Asks the gateway, once it has recorded the answer. */
export async function nextStep(
  { ringback }: Source,
  { taskId, eventId }: Verdict,
  answered: number,
): Promise<NextStep> {
  if (!ringback || !taskId?.startsWith("task_")) return unasked(answered);
  try {
    const first = await deliveryOf(ringback.deliveries.list({ taskId }), eventId);
    if (!first) return { next: "unknown", why: "the gateway knows no such delivery" };
    let delivery = await ringback.deliveries.get(first.id);
    const isRecorded = () =>
      delivery.status !== "pending" || delivery.attempts.at(-1)?.statusCode === answered;
    for (let look = 0; look < LOOKS && !isRecorded(); look++) {
      await sleep(BETWEEN_MS);
      delivery = await ringback.deliveries.get(first.id);
    }
    const { status, attempts, nextAttemptAt } = delivery;
    if (status !== "pending") return { attempt: attempts.length, next: status };
    return { attempt: attempts.length, next: "retry", ...(nextAttemptAt !== undefined && { nextAttemptAt }) };
  } catch (error) {
    if (!(error instanceof RingbackError)) throw error;
    return { next: "unknown", why: `${error.code}: ${error.detail}` };
  }
}

/** Without a gateway to ask, by the contract. */
function unasked(answered: number): NextStep {
  return answered >= 200 && answered < 300
    ? { next: "delivered" }
    : { next: "retry", why: "by the schedule of the endpoint or of the deployment" };
}

async function deliveryOf(
  deliveries: AsyncIterable<DeliverySummary>,
  eventId: string,
): Promise<DeliverySummary | undefined> {
  for await (const delivery of deliveries) if (delivery.eventId === eventId) return delivery;
  return undefined;
}
