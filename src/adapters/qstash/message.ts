import { QueueUnavailable } from "../../ports/errors.ts";
import type { Flow } from "../../ports/queue.ts";

/** How the queue delivers a message. */
export interface Delivery {
  readonly method: string;
  readonly retries: number;
  /** Milliseconds, rounded up to whole seconds. */
  readonly delay?: number;
  readonly flow?: Flow;
}

/** The headers that say so (https://upstash.com/docs/qstash/api-reference/messages/publish-a-message). */
export function deliveryHeaders({ method, retries, delay = 0, flow }: Delivery): Record<string, string> {
  return {
    "upstash-method": method,
    "upstash-retries": `${retries}`,
    ...(delay > 0 && { "upstash-delay": seconds(delay) }),
    ...(flow && { "upstash-flow-control-key": flow.key, "upstash-flow-control-value": limitsOf(flow) }),
  };
}

/** QStash counts in whole seconds. */
export function seconds(milliseconds: number): string {
  return `${Math.ceil(milliseconds / 1_000)}s`;
}

function limitsOf({ parallelism, rate, period = 1_000 }: Flow): string {
  const limits = [`parallelism=${parallelism}`];
  if (rate !== undefined) limits.push(`rate=${rate}`, `period=${seconds(period)}`);
  return limits.join(", ");
}

/** The message's id in an answer of the queue's, or undefined when it has no id. */
export function messageIdOf(answer: unknown): string | undefined {
  const { messageId } =
    typeof answer === "object" && answer !== null ? (answer as { messageId?: unknown }) : {};
  return typeof messageId === "string" ? messageId : undefined;
}

/** @throws QueueUnavailable when the answer to a publication names no message */
export function publishedId(answer: unknown): string {
  const id = messageIdOf(answer);
  if (id === undefined) throw new QueueUnavailable("QStash did not say which message it took.");
  return id;
}
