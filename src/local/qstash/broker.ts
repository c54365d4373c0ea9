import type { Engine } from "../engine.ts";
import type { Clock } from "./clock.ts";
import { Dispatcher } from "./delivery/dispatcher.ts";
import type { Plan } from "./delivery/plan.ts";
import type { SigningKeys } from "./delivery/signature.ts";
import { rotateKeys } from "./delivery/signature.ts";
import type { Message } from "./message.ts";
import { decodeRecord } from "./message.ts";
import { Publisher } from "./publisher.ts";
import { DeadLetters } from "./state/dead-letters.ts";
import { Deduplication } from "./state/deduplication.ts";
import { Journal } from "./state/journal.ts";
import { Logs } from "./state/logs.ts";
import { Schedules } from "./state/schedules.ts";
import { KEYS, readHash, readList } from "./state/storage.ts";

export interface BrokerOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly plan: Plan;
  /** The prefix of the keys in Redis. */
  readonly prefix: string;
  readonly region: string;
  readonly signingKeys: SigningKeys;
  /** Entries that the log keeps. */
  readonly logLimit: number;
  readonly onError: (error: Error) => void;
}

const SIGNING = "signing";

/** Everything that QStash does, without HTTP: the parts, connected with one another and with one journal. */
export class Broker {
  readonly clock: Clock;
  readonly plan: Plan;
  readonly journal: Journal;
  readonly logs: Logs;
  readonly deadLetters: DeadLetters;
  readonly deduplication: Deduplication;
  readonly dispatcher: Dispatcher;
  readonly publisher: Publisher;
  readonly schedules: Schedules;
  readonly #options: BrokerOptions;
  #signingKeys: SigningKeys;

  constructor(options: BrokerOptions) {
    const { clock, plan, onError } = options;
    this.#options = options;
    this.#signingKeys = options.signingKeys;
    this.clock = clock;
    this.plan = plan;
    this.journal = new Journal(options.engine, options.prefix, options.logLimit, onError);
    this.logs = new Logs(options.logLimit, plan.logRetention);
    this.deadLetters = new DeadLetters(clock, this.journal, plan.dlqRetention);
    this.deduplication = new Deduplication(clock, this.journal);
    this.dispatcher = new Dispatcher({
      clock,
      plan,
      journal: this.journal,
      logs: this.logs,
      deadLetters: this.deadLetters,
      region: options.region,
      signingKeys: () => this.#signingKeys,
      onScheduledEnd: (message, isDelivered) => this.schedules.ended(message, isDelivered),
    });
    this.publisher = new Publisher(this);
    this.schedules = new Schedules({
      clock,
      plan,
      journal: this.journal,
      publish: (publication) => this.publisher.publish(publication),
      onError,
    });
  }

  get signingKeys(): SigningKeys {
    return this.#signingKeys;
  }

  async rotateSigningKeys(): Promise<SigningKeys> {
    const keys = rotateKeys(this.#signingKeys);
    await this.journal.write([{ hash: KEYS.keys, field: SIGNING, value: JSON.stringify(keys) }]);
    this.#signingKeys = keys;
    return keys;
  }

  /** Resumes the messages that an earlier run left in Redis; those in flight are delivered again. */
  async resume(): Promise<void> {
    const read = (key: string) => readHash(this.#options.engine, this.#options.prefix + key);
    const kept = (await read(KEYS.keys)).get(SIGNING);
    if (kept !== undefined) this.#signingKeys = JSON.parse(kept);
    this.deduplication.load(await read(KEYS.deduplication));
    this.deadLetters.load(await read(KEYS.dlq));
    this.logs.load(await readList(this.#options.engine, this.#options.prefix + KEYS.logs));
    this.dispatcher.flowControl.load(await read(KEYS.flowControl));
    this.schedules.load(await read(KEYS.schedules));
    const messages = [...(await read(KEYS.messages)).values()].map((record) => decodeRecord<Message>(record));
    this.dispatcher.accept(messages);
  }

  /** Stops all deliveries and finishes all writes; messages in flight are kept. */
  async close(): Promise<void> {
    this.schedules.close();
    this.dispatcher.close();
    await this.journal.close();
  }
}
