import type { Clock } from "./clock.ts";
import type { Dispatcher } from "./delivery/dispatcher.ts";
import type { Plan } from "./delivery/plan.ts";
import { DEFAULT_RETRIES } from "./delivery/plan.ts";
import { overLimit, QStashError } from "./errors.ts";
import type { HeaderPairs } from "./headers.ts";
import type { Message } from "./message.ts";
import { newId } from "./message.ts";
import type { PublishOptions } from "./options.ts";
import { checkUrl, readOptions } from "./options.ts";
import type { DeadLetter, DeadLetters } from "./state/dead-letters.ts";
import type { Deduplication } from "./state/deduplication.ts";
import { deduplicationKey } from "./state/deduplication.ts";
import type { Change, Journal } from "./state/journal.ts";

/** One message as a publisher sends it. */
export interface Publication {
  readonly destination: string;
  readonly headers: HeaderPairs;
  readonly body: Buffer;
  readonly callerIP: string;
  readonly scheduleId?: string | undefined;
}

export interface Published {
  readonly messageId: string;
  readonly deduplicated?: true;
}

/** How long a publisher waits while Redis is away; the journal goes on trying. */
const COMMIT_TIMEOUT_MS = 5_000;

export interface PublisherParts {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly plan: Plan;
  readonly deduplication: Deduplication;
  readonly deadLetters: DeadLetters;
  readonly dispatcher: Dispatcher;
}

/** Decisions that are not yet written. */
interface Draft {
  readonly messages: readonly Message[];
  readonly changes: readonly Change[];
}

/** Turns publications into messages, keeps these, and only then answers and sends them on their way. */
export class Publisher {
  readonly #parts: PublisherParts;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  async publish(publication: Publication): Promise<Published> {
    const { result, draft } = this.#draft(publication);
    await this.#commit([draft]);
    return result;
  }

  /** Each publication stands alone: a refused one leaves an `error` in its place. */
  async publishBatch(publications: readonly Publication[]): Promise<(Published | { error: string })[]> {
    const drafts: Draft[] = [];
    const results = publications.map((publication) => {
      try {
        const { result, draft } = this.#draft(publication);
        drafts.push(draft);
        return result;
      } catch (error) {
        if (error instanceof QStashError) return { error: error.message };
        throw error;
      }
    });
    await this.#commit(drafts);
    return results;
  }

  /** Publishes dead letters again, with the settings of `headers` in place of their own. */
  async retryDead(letters: readonly DeadLetter[], headers: HeaderPairs): Promise<Published[]> {
    const { clock, plan, dispatcher, deadLetters } = this.#parts;
    const { header: _, ...overrides } = readOptions(headers, plan, clock.now());
    const named = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
    const messages = letters.map((letter): Message => {
      const { dlqId, deadAt, response, responseStatus, responseHeader, ...message } = letter;
      return { ...message, ...settingsOf(named), ...this.#fresh(overrides) };
    });
    const changes = [...deadLetters.take(letters), ...dispatcher.creation(messages)];
    await this.#commit([{ messages, changes }]);
    return messages.map(({ messageId }) => ({ messageId }));
  }

  async #commit(drafts: readonly Draft[]): Promise<void> {
    const { journal, dispatcher } = this.#parts;
    // Written even when empty: a duplicate is only answered once the first message is kept.
    const written = journal.write(drafts.flatMap(({ changes }) => changes)).then(() => {
      dispatcher.accept(drafts.flatMap(({ messages }) => messages));
      return true;
    });
    const timer = Promise.withResolvers<false>();
    const timeout = setTimeout(timer.resolve, COMMIT_TIMEOUT_MS, false);
    const isKept = await Promise.race([written, timer.promise]);
    clearTimeout(timeout);
    if (!isKept)
      throw new QStashError(500, "the storage does not answer: the message may be delivered or not");
  }

  #draft(publication: Publication): { result: Published; draft: Draft } {
    const { clock, plan, deduplication, dispatcher } = this.#parts;
    const { body } = publication;
    if (body.length > plan.maxMessageSize) {
      throw overLimit(`maximum message size exceeded: ${body.length} > ${plan.maxMessageSize} bytes`);
    }
    const options = readOptions(publication.headers, plan, clock.now());
    const url = checkUrl(publication.destination, "destination");
    const id = deduplicationKey(url, options, body);
    const known = id === undefined ? undefined : deduplication.find(id);
    if (known !== undefined) {
      return { result: { messageId: known, deduplicated: true }, draft: { messages: [], changes: [] } };
    }
    const message: Message = {
      ...settingsOf(options),
      method: options.method ?? "POST",
      header: options.header ?? {},
      body,
      maxRetries: options.maxRetries ?? DEFAULT_RETRIES,
      url,
      callerIP: publication.callerIP,
      scheduleId: publication.scheduleId,
      ...this.#fresh(options),
    };
    const changes = dispatcher.creation([message]);
    if (id !== undefined) changes.push(deduplication.remember(id, message.messageId));
    return { result: { messageId: message.messageId }, draft: { messages: [message], changes } };
  }

  /** The new properties of each message, also of one that is retried from the dead letter queue. */
  #fresh(options: PublishOptions) {
    const now = this.#parts.clock.now();
    const notBefore = Math.max(now, options.notBefore ?? now);
    return {
      messageId: newId("msg"),
      seq: this.#parts.dispatcher.nextSeq(),
      createdAt: now,
      notBefore,
      dueAt: notBefore,
      retried: 0,
    };
  }
}

/** The options that become part of a message. */
function settingsOf<T extends PublishOptions>(
  options: T,
): Omit<T, "notBefore" | "deduplicationId" | "contentBasedDeduplication"> {
  const { notBefore, deduplicationId, contentBasedDeduplication, ...settings } = options;
  return settings;
}
