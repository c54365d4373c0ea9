import type { Clock } from "./clock.ts";
import { badRequest, notFound, overLimit } from "./errors.ts";
import { Fifo } from "./fifo.ts";
import type { Change, Journal } from "./journal.ts";
import type { Message } from "./message.ts";
import type { Pending } from "./pending.ts";
import type { Plan } from "./plan.ts";
import { KEYS } from "./storage.ts";

/** What is kept of a queue over restarts. */
interface QueueRecord {
  readonly name: string;
  readonly createdAt: number;
  updatedAt: number;
  parallelism: number;
  paused: boolean;
}

interface Queue {
  readonly record: QueueRecord;
  readonly waiting: Fifo<Pending>;
  /** Messages that have their turn, and what must end before the next one gets it: they and their callbacks. */
  readonly turns: Map<string, number>;
  /** Messages that have their turn but became due while the queue was paused. */
  readonly parked: Set<Pending>;
}

const NAME = /^[\w.-]+$/;

/** Names of queues, URL groups and schedules. */
export function checkName(name: string, what: string): string {
  if (!NAME.test(name)) {
    throw badRequest(`${what} is invalid: it can only contain alphanumeric, hyphen, underscore and period`);
  }
  return name;
}

/**
 * Queues deliver in the order of publishing: the next message has its turn when the one before it, its retries
 * and its callbacks have ended (docs: features/queues).
 */
export class Queues {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #plan: Plan;
  readonly #onTurn: (pending: Pending) => void;
  readonly #queues = new Map<string, Queue>();

  constructor(clock: Clock, journal: Journal, plan: Plan, onTurn: (pending: Pending) => void) {
    this.#clock = clock;
    this.#journal = journal;
    this.#plan = plan;
    this.#onTurn = onTurn;
  }

  load(records: ReadonlyMap<string, string>): void {
    for (const record of records.values()) this.#open(JSON.parse(record));
  }

  /** The change that makes a queue which a message names and which does not exist yet. */
  ensure(name: string): Change[] {
    if (this.#queues.has(checkName(name, "queue name"))) return [];
    return [this.#change(this.#create(name))];
  }

  async upsert(name: string, parallelism: number | undefined, paused: boolean | undefined): Promise<void> {
    checkName(name, "queue name");
    if (parallelism !== undefined && !(Number.isInteger(parallelism) && parallelism > 0)) {
      throw badRequest("queue parallelism must be greater than 0");
    }
    if ((parallelism ?? 0) > this.#plan.queueParallelism) {
      throw overLimit(`maximum parallelism per queue exceeded: ${this.#plan.queueParallelism}`);
    }
    const queue = this.#queues.get(name) ?? this.#create(name);
    await this.#update(queue, (record) => {
      record.parallelism = parallelism ?? record.parallelism;
      record.paused = paused ?? record.paused;
    });
  }

  setPaused(name: string, paused: boolean): Promise<void> {
    return this.#update(this.#queue(name), (record) => {
      record.paused = paused;
    });
  }

  /** Removes a queue; what waits in it is returned, for the caller to cancel. */
  async remove(name: string): Promise<Pending[]> {
    const queue = this.#queue(name);
    this.#queues.delete(name);
    const left = [...queue.parked];
    for (let next = queue.waiting.shift(); next; next = queue.waiting.shift()) left.push(next);
    await this.#journal.write([{ hash: KEYS.queues, field: name, value: null }]);
    return left;
  }

  view(name: string): Record<string, unknown> {
    const { record, waiting, turns } = this.#queue(name);
    return { ...record, lag: waiting.size + turns.size };
  }

  list(): Record<string, unknown>[] {
    return [...this.#queues.keys()].map((name) => this.view(name));
  }

  /** Lines a message up; its turn may come at once. */
  add(pending: Pending): void {
    const queue = this.#of(pending.message.queueName);
    if (!queue) {
      this.#onTurn(pending);
      return;
    }
    pending.stage = "queued";
    queue.waiting.push(pending);
    this.#pump(queue);
  }

  /** True when the message, whose time has come, must wait until its queue goes on. */
  park(pending: Pending): boolean {
    const queue = this.#of(pending.message.queueName);
    if (!queue?.record.paused) return false;
    pending.stage = "queued";
    queue.parked.add(pending);
    return true;
  }

  withdraw(pending: Pending): void {
    const queue = this.#of(pending.message.queueName);
    queue?.waiting.remove(pending);
    queue?.parked.delete(pending);
  }

  /** A callback of a queued message was made: it holds that message's turn until {@link release}. */
  hold(callback: Message): void {
    const turns = this.#of(callback.holds?.queueName)?.turns;
    const id = callback.holds?.messageId;
    if (turns && id !== undefined) turns.set(id, (turns.get(id) ?? 0) + 1);
  }

  /** A message, or a callback that held a turn, has ended. */
  release(message: Message): void {
    const queue = this.#of(message.holds?.queueName ?? message.queueName);
    const id = message.holds?.messageId ?? message.messageId;
    const count = queue?.turns.get(id);
    if (!queue || count === undefined) return;
    if (count > 1) queue.turns.set(id, count - 1);
    else queue.turns.delete(id);
    this.#pump(queue);
  }

  #of(name: string | undefined): Queue | undefined {
    return name === undefined ? undefined : this.#queues.get(name);
  }

  #queue(name: string): Queue {
    const queue = this.#queues.get(checkName(name, "queue name"));
    if (!queue) throw notFound(`queue ${name}`);
    return queue;
  }

  #create(name: string): Queue {
    if (this.#queues.size >= this.#plan.queues)
      throw overLimit(`maximum number of queues: ${this.#plan.queues}`);
    const now = this.#clock.now();
    return this.#open({ name, createdAt: now, updatedAt: now, parallelism: 1, paused: false });
  }

  #open(record: QueueRecord): Queue {
    const queue: Queue = { record, waiting: new Fifo(), turns: new Map(), parked: new Set() };
    this.#queues.set(record.name, queue);
    return queue;
  }

  #change(queue: Queue): Change {
    return { hash: KEYS.queues, field: queue.record.name, value: JSON.stringify(queue.record) };
  }

  #update(queue: Queue, change: (record: QueueRecord) => void): Promise<void> {
    change(queue.record);
    queue.record.updatedAt = this.#clock.now();
    const written = this.#journal.write([this.#change(queue)]);
    this.#pump(queue);
    return written;
  }

  #pump(queue: Queue): void {
    if (queue.record.paused) return;
    const parked = [...queue.parked];
    queue.parked.clear();
    for (const pending of parked) this.#onTurn(pending);
    while (queue.turns.size < queue.record.parallelism) {
      const next = queue.waiting.shift();
      if (!next) return;
      const id = next.message.messageId;
      queue.turns.set(id, (queue.turns.get(id) ?? 0) + 1);
      this.#onTurn(next);
    }
  }
}
