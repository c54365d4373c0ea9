import type { Clock } from "../clock.ts";
import { notFound } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Change, Journal } from "../state/journal.ts";
import { KEYS } from "../state/storage.ts";
import { Fifo } from "./fifo.ts";
import type { Pending } from "./pending.ts";

/** The state of a flow-control key that survives restarts. */
interface KeyState {
  parallelism?: number | undefined;
  rate?: number | undefined;
  /** Seconds. */
  period: number;
  /** Unix milliseconds at which the current rate period began, and the calls made in it. */
  periodStart: number;
  rateCount: number;
  /** Nothing passes until it is resumed. */
  isPaused?: boolean;
}

interface Lane {
  readonly key: string;
  readonly state: KeyState;
  readonly waitList: Fifo<Pending>;
  active: number;
  stopTimer: (() => void) | undefined;
}

/**
 * Limits on the calls of one key, over all destinations: how many at a time, and how many in a period.
 * Calls over the limits wait in order; nothing is dropped (docs: features/flowcontrol).
 */
export class FlowControl {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #onAdmitted: (pending: Pending) => void;
  readonly #lanes = new Map<string, Lane>();

  constructor(clock: Clock, journal: Journal, onAdmitted: (pending: Pending) => void) {
    this.#clock = clock;
    this.#journal = journal;
    this.#onAdmitted = onAdmitted;
  }

  load(records: ReadonlyMap<string, string>): void {
    for (const [key, record] of records) this.#open(key, JSON.parse(record));
  }

  /** Each message sets its key's limits. */
  configure(message: Message): Change[] {
    const key = message.flowControlKey;
    if (key === undefined) return [];
    const lane = this.#lanes.get(key) ?? this.#open(key, undefined);
    const limits = message.flowLimits ?? {};
    const before = JSON.stringify(lane.state);
    lane.state.parallelism = limits.parallelism;
    lane.state.rate = limits.rate;
    lane.state.period = limits.period ?? 1;
    if (JSON.stringify(lane.state) === before) return [];
    this.#pump(lane);
    return [this.#change(lane)];
  }

  /** Lets a message whose time has come pass, at once or when its key allows. */
  admit(pending: Pending): void {
    const key = pending.message.flowControlKey;
    if (key === undefined) {
      this.#onAdmitted(pending);
      return;
    }
    const lane = this.#lanes.get(key) ?? this.#open(key, undefined);
    pending.stage = "waiting";
    lane.waitList.push(pending);
    this.#pump(lane);
  }

  /** Takes back a message that waits. */
  withdraw(pending: Pending): void {
    this.#lanes.get(pending.message.flowControlKey ?? "")?.waitList.remove(pending);
  }

  /** The call of a message that had been admitted has ended. */
  release(message: Message): void {
    const lane = this.#lanes.get(message.flowControlKey ?? "");
    if (!lane) return;
    lane.active--;
    this.#pump(lane);
  }

  list(search: string): Record<string, unknown>[] {
    return [...this.#lanes.keys()].filter((key) => key.includes(search)).map((key) => this.view(key));
  }

  /** A key may be paused before its first message. */
  async setPaused(key: string, isPaused: boolean): Promise<void> {
    const lane = this.#lanes.get(key) ?? this.#open(key, undefined);
    lane.state.isPaused = isPaused;
    await this.#journal.write([this.#change(lane)]);
    this.#pump(lane);
  }

  view(key: string): Record<string, unknown> {
    const lane = this.#lanes.get(key);
    if (!lane) throw notFound(`flow control key ${key}`);
    const { state, active, waitList } = lane;
    const isCurrent = this.#clock.now() < state.periodStart + state.period * 1_000;
    return {
      flowControlKey: key,
      waitListSize: waitList.size,
      parallelismMax: state.parallelism ?? 0,
      parallelismCount: active,
      rateMax: state.rate ?? 0,
      rateCount: state.rate !== undefined && isCurrent ? state.rateCount : 0,
      ratePeriod: state.rate === undefined ? 0 : state.period,
      ratePeriodStart: Math.floor(state.periodStart / 1_000),
      isPaused: state.isPaused ?? false,
      isPinnedParallelism: false,
      isPinnedRate: false,
    };
  }

  close(): void {
    for (const lane of this.#lanes.values()) lane.stopTimer?.();
  }

  #open(key: string, state: KeyState | undefined): Lane {
    const lane: Lane = {
      key,
      state: state ?? { period: 1, periodStart: 0, rateCount: 0 },
      waitList: new Fifo(),
      active: 0,
      stopTimer: undefined,
    };
    this.#lanes.set(key, lane);
    return lane;
  }

  #change(lane: Lane): Change {
    return { hash: KEYS.flowControl, field: lane.key, value: JSON.stringify(lane.state) };
  }

  #beginPeriod(state: KeyState): void {
    state.periodStart = this.#clock.now();
    state.rateCount = 0;
  }

  /** Admits from the head of the wait list what the limits allow. */
  #pump(lane: Lane): void {
    const { state } = lane;
    if (state.isPaused) return;
    let counted = false;
    while (lane.waitList.size > 0 && lane.active < (state.parallelism ?? Number.POSITIVE_INFINITY)) {
      if (state.rate !== undefined) {
        const end = state.periodStart + state.period * 1_000;
        if (this.#clock.now() >= end) this.#beginPeriod(state);
        else if (state.rateCount >= state.rate) {
          this.#pumpAt(lane, end);
          break;
        }
        state.rateCount++;
        counted = true;
      }
      const pending = lane.waitList.shift();
      if (!pending) break;
      lane.active++;
      this.#onAdmitted(pending);
    }
    if (counted) void this.#journal.write([this.#change(lane)]);
  }

  #pumpAt(lane: Lane, time: number): void {
    lane.stopTimer?.();
    lane.stopTimer = this.#clock.at(time, () => this.#pump(lane));
  }
}
