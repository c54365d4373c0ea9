import { isUtf8 } from "node:buffer";
import { createHash, randomUUID } from "node:crypto";
import type { HeaderMap } from "./headers.ts";
import { canonicalName } from "./headers.ts";

/** Where the answer to a delivery is sent, and how. */
export interface CallbackTarget {
  readonly url: string;
  readonly method: string;
  readonly header: HeaderMap;
  readonly retries?: number | undefined;
  readonly retryDelayExpression?: string | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
}

/** Limits that a message brings along for its flow-control key. */
export interface FlowLimits {
  readonly parallelism?: number | undefined;
  readonly rate?: number | undefined;
  /** Seconds. */
  readonly period?: number | undefined;
}

/** The publisher's decisions about a message; a retry from the dead letter queue may change them. */
export interface MessageSettings {
  readonly method: string;
  /** Headers for the destination. */
  readonly header: HeaderMap;
  readonly body: Buffer;
  readonly maxRetries: number;
  readonly retryDelayExpression?: string | undefined;
  /** Milliseconds that one call may take. */
  readonly timeout?: number | undefined;
  readonly callback?: CallbackTarget | undefined;
  readonly failureCallback?: CallbackTarget | undefined;
  readonly flowControlKey?: string | undefined;
  readonly flowLimits?: FlowLimits | undefined;
  readonly labels?: readonly string[] | undefined;
  /** Fields that are shown as hashes: `body`, `headers`, `header[Name]`. */
  readonly redact?: readonly string[] | undefined;
}

/** One message to one destination, from its acceptance until it is delivered, dead or canceled. */
export interface Message extends MessageSettings {
  readonly messageId: string;
  /** Its place among all messages: what came first is first, after a restart too. */
  readonly seq: number;
  readonly url: string;
  readonly createdAt: number;
  /** Unix milliseconds of the first attempt. */
  readonly notBefore: number;
  readonly callerIP?: string | undefined;
  readonly scheduleId?: string | undefined;
  /** How often it has been tried again so far. */
  retried: number;
  /** Unix milliseconds of the next attempt. */
  dueAt: number;
}

/** An opaque id: the prefix and a random UUID's digits. */
export const newId = (prefix: string): string => `${prefix}_${randomUUID().replaceAll("-", "")}`;

/** Bytes as the API shows them: text when they are UTF-8, else base64 under the other name. */
export function bodyFields(body: Buffer): { body?: string; bodyBase64?: string } {
  if (body.length === 0) return {};
  return isUtf8(body) ? { body: body.toString("utf8") } : { bodyBase64: body.toString("base64") };
}

/** The reverse of {@link bodyFields}. */
function bodyOf(fields: { body?: string; bodyBase64?: string }): Buffer {
  return fields.bodyBase64 === undefined
    ? Buffer.from(fields.body ?? "", "utf8")
    : Buffer.from(fields.bodyBase64, "base64");
}

/** A message (or what extends one) as it is kept in Redis. */
export function encodeRecord(record: { readonly body: Buffer }): string {
  return JSON.stringify({ ...record, body: undefined, ...bodyFields(record.body) });
}

/** The reverse of {@link encodeRecord}; the text is our own, so its shape is trusted. */
export function decodeRecord<T extends { readonly body: Buffer }>(text: string): T {
  const fields = JSON.parse(text);
  const { bodyBase64: _, ...rest } = fields;
  return { ...rest, body: bodyOf(fields) };
}

const redacted = (value: string | Buffer) => `REDACTED:${createHash("sha256").update(value).digest("hex")}`;

/** The headers as the API shows them: redacted ones as hashes. */
export function shownHeader(message: MessageSettings): HeaderMap {
  const fields = message.redact ?? [];
  if (fields.length === 0) return message.header;
  // The SDK sends `header` for all of them, the documentation says `headers`.
  const isAll = fields.includes("header") || fields.includes("headers");
  const named = new Set(fields.flatMap((field) => canonicalName(/^header\[(.+)\]$/.exec(field)?.[1] ?? "")));
  return Object.fromEntries(
    Object.entries(message.header).map(([name, values]) => [
      name,
      isAll || named.has(name) ? values.map(redacted) : values,
    ]),
  );
}

/** The body as the API shows it. */
export function shownBody(message: MessageSettings): Buffer {
  return message.redact?.includes("body") ? Buffer.from(redacted(message.body)) : message.body;
}

/** Leaves out what is zero or empty, as the service does. */
export function omitEmpty(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== undefined && value !== 0 && value !== "" && value !== false,
    ),
  );
}

/** A message as `GET /v2/messages/{id}` shows it. */
export function messageView(message: Message): Record<string, unknown> {
  return omitEmpty({
    messageId: message.messageId,
    url: message.url,
    method: message.method,
    header: shownHeader(message),
    ...bodyFields(shownBody(message)),
    maxRetries: message.maxRetries,
    retryDelayExpression: message.retryDelayExpression,
    notBefore: message.notBefore,
    createdAt: message.createdAt,
    callback: message.callback?.url,
    failureCallback: message.failureCallback?.url,
    scheduleId: message.scheduleId,
    callerIP: message.callerIP,
    label: message.labels?.[0],
    labels: message.labels,
    flowControlKey: message.flowControlKey,
    rate: message.flowLimits?.rate,
    period: message.flowLimits?.period,
    parallelism: message.flowLimits?.parallelism,
  });
}
