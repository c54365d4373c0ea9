import type { HeaderMap } from "../headers.ts";
import type { Message } from "../message.ts";
import { decodeRecord, omitEmpty, shownBody, shownHeader } from "../message.ts";
import type { Change } from "./journal.ts";
import { KEYS } from "./storage.ts";

export type LogState =
  | "CREATED"
  | "ACTIVE"
  | "RETRY"
  | "ERROR"
  | "DELIVERED"
  | "FAILED"
  | "CANCEL_REQUESTED"
  | "CANCELLED";

/** The fields of an entry in addition to its state. */
export interface LogDetails {
  readonly error?: string | undefined;
  readonly nextDeliveryTime?: number | undefined;
  readonly responseStatus?: number | undefined;
  /** Base64. */
  readonly responseBody?: string | undefined;
  readonly responseHeaders?: HeaderMap | undefined;
}

interface Entry extends LogDetails {
  readonly time: number;
  readonly state: LogState;
  readonly message: Message;
}

/** Bytes of bodies that the log may keep alive. */
const BODY_BUDGET = 64 * 2 ** 20;

/** The events of the messages, newest first; the oldest entries give way beyond a limit. */
export class Logs {
  readonly #limit: number;
  readonly #retention: number;
  #entries: Entry[] = [];
  #bodyBytes = 0;
  /** Entries that have given way: a cursor counts from the first entry ever. */
  #dropped = 0;

  constructor(limit: number, retention: number) {
    this.#limit = limit;
    this.#retention = retention;
  }

  load(records: readonly string[]): void {
    const messages = new Map<string, Message>();
    for (const record of records) {
      const { messageId, message, ...entry } = JSON.parse(record);
      if (message !== undefined) messages.set(messageId, decodeRecord<Message>(JSON.stringify(message)));
      const subject = messages.get(messageId);
      // An entry whose first one has given way says nothing that can be shown.
      if (subject) this.#push({ ...entry, message: subject });
    }
  }

  /** A message's first entry, the only one that carries the message itself. */
  addFirst(message: Message, record: string): Change {
    const { messageId, createdAt: time } = message;
    this.#push({ time, state: "CREATED", message });
    const fields = JSON.stringify({ time, state: "CREATED", messageId });
    return { list: KEYS.logs, entry: `${fields.slice(0, -1)},"message":${record}}` };
  }

  /** Adds a later entry; the change keeps it. */
  add(state: Exclude<LogState, "CREATED">, message: Message, time: number, details: LogDetails = {}): Change {
    this.#push({ time, state, message, ...details });
    const entry = JSON.stringify({ time, state, messageId: message.messageId, ...details });
    return { list: KEYS.logs, entry };
  }

  /** A page of the entries, newest first, and the cursor of the next page. `messageIds` empty means all. */
  page(
    messageIds: ReadonlySet<string>,
    count: number,
    cursor: string | undefined,
    now: number,
  ): { entries: Record<string, unknown>[]; cursor?: string } {
    const entries: Record<string, unknown>[] = [];
    const oldest = now - this.#retention;
    const start = cursor === undefined ? this.#entries.length : Number(cursor) - this.#dropped;
    for (let i = Math.min(start, this.#entries.length) - 1; i >= 0; i--) {
      const entry = this.#entries[i];
      if (!entry || entry.time < oldest) break;
      if (messageIds.size > 0 && !messageIds.has(entry.message.messageId)) continue;
      entries.push(view(entry));
      if (entries.length === count && i > 0) return { entries, cursor: String(i + this.#dropped) };
    }
    return { entries };
  }

  #push(entry: Entry): void {
    this.#entries.push(entry);
    if (entry.state === "CREATED") this.#bodyBytes += entry.message.body.length;
    // In lots, because taking one away at a time would move all the others each time.
    if (this.#entries.length > this.#limit * 1.2 || this.#bodyBytes > BODY_BUDGET) this.#giveWay();
  }

  #giveWay(): void {
    let surplus = Math.max(0, this.#entries.length - this.#limit);
    const target = BODY_BUDGET * 0.8;
    for (let i = 0; i < this.#entries.length - 1 && (i < surplus || this.#bodyBytes > target); i++) {
      const entry = this.#entries[i];
      if (entry?.state === "CREATED") this.#bodyBytes -= entry.message.body.length;
      surplus = Math.max(surplus, i + 1);
    }
    this.#entries = this.#entries.slice(surplus);
    this.#dropped += surplus;
  }
}

function view({ time, state, message, ...details }: Entry): Record<string, unknown> {
  return omitEmpty({
    time,
    state,
    messageId: message.messageId,
    url: message.url,
    scheduleId: message.scheduleId,
    header: shownHeader(message),
    body: shownBody(message).toString("base64"),
    method: message.method,
    timeout: message.timeout,
    maxRetries: message.maxRetries,
    retryDelayExpression: message.retryDelayExpression,
    callback: message.callback?.url,
    callbackHeaders: message.callback?.header,
    failureCallback: message.failureCallback?.url,
    failureCallbackHeaders: message.failureCallback?.header,
    callerIP: message.callerIP,
    flowControlKey: message.flowControlKey,
    label: message.labels?.[0],
    labels: message.labels,
    ...details,
  });
}
