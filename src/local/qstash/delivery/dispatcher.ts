import type { Clock } from "../clock.ts";
import type { CallbackTarget, Message } from "../message.ts";
import { encodeRecord } from "../message.ts";
import type { DeadLetters } from "../state/dead-letters.ts";
import type { Change, Journal } from "../state/journal.ts";
import type { LogDetails, LogState, Logs } from "../state/logs.ts";
import { KEYS } from "../state/storage.ts";
import { TimerQueue } from "../timer-queue.ts";
import { attemptHeader, classifyOutcome, errorDetails } from "./attempt.ts";
import { callbackMessage } from "./callbacks.ts";
import { Fifo } from "./fifo.ts";
import { FlowControl } from "./flow-control.ts";
import type { Outcome } from "./http-sender.ts";
import { HttpSender } from "./http-sender.ts";
import type { Pending } from "./pending.ts";
import type { Plan } from "./plan.ts";
import type { SigningKeys } from "./signature.ts";

export interface DispatcherParts {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly logs: Logs;
  readonly deadLetters: DeadLetters;
  readonly plan: Plan;
  readonly region: string;
  readonly signingKeys: () => SigningKeys;
  /** Called when a message that a schedule made has ended. */
  readonly onScheduledEnd: (message: Message, isDelivered: boolean) => void;
}

/**
 * Takes accepted messages through their steps: time, flow control, the account's parallelism, the call and
 * the consequences of its outcome. All of it lives in memory and is rebuilt from the journal's records.
 */
export class Dispatcher {
  readonly flowControl: FlowControl;
  readonly #parts: DispatcherParts;
  readonly #timers: TimerQueue;
  readonly #sender: HttpSender;
  readonly #pending = new Map<string, Pending>();
  readonly #ready = new Fifo<Pending>();
  #active = 0;
  #seq = 0;
  #isClosed = false;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#timers = new TimerQueue(parts.clock);
    this.#sender = new HttpSender(parts.clock);
    this.flowControl = new FlowControl(parts.clock, parts.journal, (pending) => this.#enterReady(pending));
  }

  get parallelism(): { parallelismMax: number; parallelismCount: number } {
    return { parallelismMax: this.#parts.plan.parallelism, parallelismCount: this.#active };
  }

  nextSeq(): number {
    return ++this.#seq;
  }

  get(messageId: string): Message | undefined {
    return this.#pending.get(messageId)?.message;
  }

  messages(): Message[] {
    return [...this.#pending.values()].map(({ message }) => message);
  }

  /** The changes by which new messages are stored; {@link accept} them once these are written. */
  creation(messages: readonly Message[]): Change[] {
    return messages.flatMap((message) => {
      const record = encodeRecord(message);
      return [
        ...this.flowControl.configure(message),
        { hash: KEYS.messages, field: message.messageId, value: record },
        this.#parts.logs.addFirst(message, record),
      ];
    });
  }

  /** Starts stored messages. After a restart `messages` are all there are, in any order. */
  accept(messages: readonly Message[]): void {
    const inOrder = messages.length > 1 ? [...messages].sort((a, b) => a.seq - b.seq) : messages;
    const entries = inOrder.map(
      (message): Pending => ({ message, stage: "scheduled", cancelRequested: false }),
    );
    for (const pending of entries) {
      this.#seq = Math.max(this.#seq, pending.message.seq);
      this.#pending.set(pending.message.messageId, pending);
    }
    for (const pending of entries) this.#schedule(pending);
  }

  /**
   * Cancels messages that have not ended. One whose call is under way is not tried again, but that call may
   * still succeed.
   *
   * @returns how many there were.
   */
  async cancel(messageIds: readonly string[]): Promise<number> {
    const changes: Change[] = [];
    const found = messageIds
      .flatMap((id) => this.#pending.get(id) ?? [])
      .filter((pending) => !pending.cancelRequested);
    for (const pending of found) {
      pending.cancelRequested = true;
      changes.push(this.#log("CANCEL_REQUESTED", pending.message));
      if (pending.stage !== "active") changes.push(...this.#withdraw(pending));
    }
    await this.#parts.journal.write(changes);
    return found.length;
  }

  /** Cancels the calls under way: their messages are delivered again after the next start. */
  close(): void {
    this.#isClosed = true;
    this.#timers.clear();
    this.flowControl.close();
    this.#sender.close();
  }

  #log(state: Exclude<LogState, "CREATED">, message: Message, details?: LogDetails): Change {
    return this.#parts.logs.add(state, message, this.#parts.clock.now(), details);
  }

  #schedule(pending: Pending): void {
    if (pending.message.dueAt <= this.#parts.clock.now()) {
      this.#arrive(pending);
      return;
    }
    pending.stage = "scheduled";
    pending.timer = this.#timers.add(pending.message.dueAt, () => this.#arrive(pending));
  }

  #arrive(pending: Pending): void {
    pending.timer = undefined;
    this.flowControl.admit(pending);
  }

  #enterReady(pending: Pending): void {
    pending.stage = "ready";
    this.#ready.push(pending);
    this.#pump();
  }

  #pump(): void {
    while (this.#active < this.#parts.plan.parallelism && !this.#isClosed) {
      const pending = this.#ready.shift();
      if (!pending) return;
      this.#active++;
      pending.stage = "active";
      void this.#deliver(pending);
    }
  }

  async #deliver(pending: Pending): Promise<void> {
    const { message } = pending;
    const { clock, plan, region, signingKeys } = this.#parts;
    const active = this.#log("ACTIVE", message);
    const outcome = await this.#sender.send({
      url: message.url,
      method: message.method,
      header: attemptHeader(message, signingKeys().current, region, clock.now()),
      body: message.body,
      timeout: message.timeout ?? plan.maxResponseDuration,
      keep: plan.maxMessageSize,
    });
    // A call that the closing broke off says nothing about its destination.
    if (this.#isClosed) return;
    this.#active--;
    this.flowControl.release(message);
    void this.#parts.journal.write([active, ...this.#settle(pending, outcome)]);
    this.#pump();
  }

  /** Carries out an outcome, and returns the changes that store it. */
  #settle(pending: Pending, outcome: Outcome): Change[] {
    const { message } = pending;
    const verdict = classifyOutcome(message, outcome, this.#parts.clock.now());
    const callback = this.#callback(message, message.callback, outcome);
    if (verdict.kind === "delivered") {
      return [...callback, this.#log("DELIVERED", message), ...this.#end(pending, true)];
    }
    if (pending.cancelRequested) {
      const error = this.#log("ERROR", message, errorDetails(outcome));
      return [...callback, error, this.#log("CANCELLED", message), ...this.#end(pending, false)];
    }
    const steps =
      verdict.kind === "dead"
        ? this.#deadLetter(pending, outcome)
        : this.#retry(pending, outcome, verdict.at);
    return [...callback, ...steps];
  }

  #retry(pending: Pending, outcome: Outcome, nextDeliveryTime: number): Change[] {
    const { message } = pending;
    message.retried++;
    message.dueAt = nextDeliveryTime;
    const changes: Change[] = [
      this.#log("ERROR", message, errorDetails(outcome, nextDeliveryTime)),
      this.#log("RETRY", message, { nextDeliveryTime }),
      { hash: KEYS.messages, field: message.messageId, value: encodeRecord(message) },
    ];
    this.#schedule(pending);
    return changes;
  }

  #deadLetter(pending: Pending, outcome: Outcome): Change[] {
    const { message } = pending;
    const { dlqId, change } = this.#parts.deadLetters.add(message, outcome);
    return [
      change,
      this.#log("ERROR", message, errorDetails(outcome)),
      this.#log("FAILED", message),
      ...this.#callback(message, message.failureCallback, outcome, dlqId),
      ...this.#end(pending, false),
    ];
  }

  #callback(source: Message, target: CallbackTarget | undefined, outcome: Outcome, dlqId?: string): Change[] {
    if (!target) return [];
    const callback = callbackMessage(source, target, outcome, {
      seq: this.nextSeq(),
      now: this.#parts.clock.now(),
      dlqId,
      maxMessageSize: this.#parts.plan.maxMessageSize,
    });
    const changes = this.creation([callback]);
    // The source's record goes in the same transaction, so nothing is lost when that is never written.
    this.accept([callback]);
    return changes;
  }

  #withdraw(pending: Pending): Change[] {
    if (pending.timer) this.#timers.cancel(pending.timer);
    if (pending.stage === "waiting") this.flowControl.withdraw(pending);
    if (pending.stage === "ready" && this.#ready.remove(pending)) this.flowControl.release(pending.message);
    return [this.#log("CANCELLED", pending.message), ...this.#end(pending, false)];
  }

  #end(pending: Pending, isDelivered: boolean): Change[] {
    const { message } = pending;
    pending.stage = "ended";
    this.#pending.delete(message.messageId);
    if (message.scheduleId !== undefined) this.#parts.onScheduledEnd(message, isDelivered);
    return [{ hash: KEYS.messages, field: message.messageId, value: null }];
  }
}
