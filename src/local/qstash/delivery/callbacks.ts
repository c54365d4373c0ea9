import type { CallbackTarget, Message } from "../message.ts";
import { newId, omitEmpty } from "../message.ts";
import type { Outcome } from "./http-sender.ts";

/** The facts for a callback in addition to the message and its outcome. */
export interface CallbackContext {
  readonly seq: number;
  readonly now: number;
  /** Failure callbacks name the dead letter. */
  readonly dlqId?: string | undefined;
  /** Bytes of each body that the callback may carry. */
  readonly maxMessageSize: number;
}

/**
 * The message that reports an attempt's outcome to a callback URL (docs: features/callbacks).
 *
 * The values of `status` and `body` without an answer are not documented: here there is no status, and the
 * body holds the error's text.
 */
export function callbackMessage(
  source: Message,
  target: CallbackTarget,
  outcome: Outcome,
  context: CallbackContext,
): Message {
  const body = Buffer.from(JSON.stringify(callbackBody(source, outcome, context)));
  return {
    messageId: newId("msg"),
    seq: context.seq,
    url: target.url,
    method: target.method,
    header: { "Content-Type": ["application/json"], ...target.header },
    body,
    createdAt: context.now,
    notBefore: context.now,
    dueAt: context.now,
    retried: 0,
    maxRetries: target.retries ?? source.maxRetries,
    retryDelayExpression: target.retryDelayExpression ?? source.retryDelayExpression,
    timeout: target.timeout,
    callerIP: source.callerIP,
  };
}

function callbackBody(source: Message, outcome: Outcome, context: CallbackContext): Record<string, unknown> {
  const answer = outcome.kind === "answered" ? outcome.body : Buffer.from(outcome.error);
  return omitEmpty({
    status: outcome.kind === "answered" ? outcome.status : 0,
    header: outcome.kind === "answered" ? outcome.header : undefined,
    body: answer.subarray(0, context.maxMessageSize).toString("base64"),
    retried: source.retried,
    maxRetries: source.maxRetries,
    dlqId: context.dlqId,
    sourceMessageId: source.messageId,
    url: source.url,
    method: source.method,
    sourceHeader: source.header,
    sourceBody: source.body.subarray(0, context.maxMessageSize).toString("base64"),
    notBefore: String(Math.floor(source.notBefore)),
    createdAt: String(Math.floor(source.createdAt)),
    scheduleId: source.scheduleId,
    callerIP: source.callerIP,
  });
}
