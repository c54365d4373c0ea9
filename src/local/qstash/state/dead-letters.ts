import type { Clock } from "../clock.ts";
import type { Outcome } from "../delivery/http-sender.ts";
import { notFound } from "../errors.ts";
import type { HeaderMap } from "../headers.ts";
import type { Message } from "../message.ts";
import { bodyFields, decodeRecord, encodeRecord, messageView } from "../message.ts";
import type { Filterable } from "./filters.ts";
import type { Change, Journal } from "./journal.ts";
import { KEYS } from "./storage.ts";

/** A message that could not be delivered, with the last answer of its destination. */
export interface DeadLetter extends Message {
  readonly dlqId: string;
  readonly deadAt: number;
  readonly responseStatus?: number | undefined;
  readonly responseHeader?: HeaderMap | undefined;
  /** Base64. */
  readonly response?: string | undefined;
}

/** The dead letter queue, oldest first (docs: features/dlq). */
export class DeadLetters {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #retention: number;
  readonly #letters = new Map<string, DeadLetter>();
  #lastTime = 0;
  #sequence = 0;

  constructor(clock: Clock, journal: Journal, retention: number) {
    this.#clock = clock;
    this.#journal = journal;
    this.#retention = retention;
  }

  load(records: ReadonlyMap<string, string>): void {
    const letters = [...records.values()].map((record) => decodeRecord<DeadLetter>(record));
    letters.sort((a, b) => a.deadAt - b.deadAt || a.seq - b.seq);
    for (const letter of letters) this.#letters.set(letter.dlqId, letter);
  }

  /** Puts a message in; the change keeps it there. */
  add(message: Message, outcome: Outcome): { dlqId: string; change: Change } {
    const deadAt = this.#clock.now();
    const dlqId = this.#newId(deadAt);
    const answer =
      outcome.kind === "answered"
        ? {
            responseStatus: outcome.status,
            responseHeader: outcome.header,
            response: outcome.body.toString("base64"),
          }
        : { response: Buffer.from(outcome.error).toString("base64") };
    const letter: DeadLetter = { ...message, ...answer, dlqId, deadAt };
    this.#letters.set(dlqId, letter);
    return { dlqId, change: { hash: KEYS.dlq, field: dlqId, value: encodeRecord(letter) } };
  }

  get(dlqId: string): DeadLetter {
    this.#expire();
    const letter = this.#letters.get(dlqId);
    if (!letter) throw notFound(`dlq message ${dlqId}`);
    return letter;
  }

  /** Those of `dlqIds` that are there. */
  pick(dlqIds: readonly string[]): DeadLetter[] {
    this.#expire();
    return dlqIds.flatMap((id) => this.#letters.get(id) ?? []);
  }

  /** A page of what matches, and the cursor of the next. */
  page(
    matches: (item: Filterable) => boolean,
    count: number,
    cursor: string | undefined,
  ): { letters: DeadLetter[]; cursor?: string } {
    this.#expire();
    const letters: DeadLetter[] = [];
    for (const letter of this.#letters.values()) {
      if (cursor !== undefined && compareIds(letter.dlqId, cursor) <= 0) continue;
      if (!matches({ ...letter, time: letter.deadAt })) continue;
      const last = letters[letters.length - 1];
      if (last && letters.length === count) return { letters, cursor: last.dlqId };
      letters.push(letter);
    }
    return { letters };
  }

  /** Takes letters out; the changes make it last. */
  take(letters: readonly DeadLetter[]): Change[] {
    return letters.map(({ dlqId }) => {
      this.#letters.delete(dlqId);
      return { hash: KEYS.dlq, field: dlqId, value: null };
    });
  }

  #newId(time: number): string {
    this.#sequence = time === this.#lastTime ? this.#sequence + 1 : 0;
    this.#lastTime = time;
    const id = `${Math.floor(time)}-${this.#sequence}`;
    return this.#letters.has(id) ? this.#newId(time) : id;
  }

  #expire(): void {
    const oldest = this.#clock.now() - this.#retention;
    const expired: DeadLetter[] = [];
    for (const letter of this.#letters.values()) {
      if (letter.deadAt >= oldest) break;
      expired.push(letter);
    }
    if (expired.length > 0) void this.#journal.write(this.take(expired));
  }
}

function compareIds(a: string, b: string): number {
  const [timeA = 0, orderA = 0] = a.split("-").map(Number);
  const [timeB = 0, orderB = 0] = b.split("-").map(Number);
  return timeA - timeB || orderA - orderB;
}

/** A dead letter as `GET /v2/dlq` shows it. */
export function deadLetterView(letter: DeadLetter): Record<string, unknown> {
  const { body, bodyBase64 } = bodyFields(Buffer.from(letter.response ?? "", "base64"));
  return {
    ...messageView(letter),
    dlqId: letter.dlqId,
    ...(letter.responseStatus === undefined ? {} : { responseStatus: letter.responseStatus }),
    ...(letter.responseHeader === undefined ? {} : { responseHeader: letter.responseHeader }),
    ...(body === undefined ? {} : { responseBody: body }),
    ...(bodyBase64 === undefined ? {} : { responseBodyBase64: bodyBase64 }),
  };
}
