import type { Clock } from "./clock.ts";

/** A task that runs at a time, unless {@link TimerQueue.cancel} cancels it. */
export interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  canceled: boolean;
}

const isBefore = (a: Timer, b: Timer) => a.at < b.at || (a.at === b.at && a.order < b.order);

/**
 * Many timers behind a single one of the clock: a million delayed messages cost a million heap entries.
 * Timers of one time run in the order in which they were added.
 */
export class TimerQueue {
  readonly #clock: Clock;
  #heap: Timer[] = [];
  #order = 0;
  #canceled = 0;
  #wakeUp: { at: number; stop: () => void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Entries in the heap, canceled ones that are still there included. */
  get size(): number {
    return this.#heap.length;
  }

  add(at: number, run: () => void): Timer {
    const timer = { at, order: this.#order++, run, canceled: false };
    this.#push(timer);
    this.#arm();
    return timer;
  }

  cancel(timer: Timer): void {
    if (timer.canceled) return;
    timer.canceled = true;
    this.#canceled++;
    if (this.#canceled > 1_000 && this.#canceled > this.#heap.length / 2) this.#compact();
  }

  clear(): void {
    this.#wakeUp?.stop();
    this.#wakeUp = undefined;
    this.#heap = [];
  }

  #arm(): void {
    const next = this.#heap[0];
    if (!next || (this.#wakeUp && this.#wakeUp.at <= next.at)) return;
    this.#wakeUp?.stop();
    this.#wakeUp = { at: next.at, stop: this.#clock.at(next.at, () => this.#runDue()) };
  }

  #runDue(): void {
    this.#wakeUp = undefined;
    const now = this.#clock.now();
    for (let next = this.#heap[0]; next && next.at <= now; next = this.#heap[0]) {
      this.#pop();
      if (next.canceled) this.#canceled--;
      else next.run();
    }
    this.#arm();
  }

  #compact(): void {
    const kept = this.#heap.filter((timer) => !timer.canceled);
    this.#heap = [];
    this.#canceled = 0;
    for (const timer of kept) this.#push(timer);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (!parent || !isBefore(timer, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      if (!left) break;
      const child = right && isBefore(right, left) ? right : left;
      if (!isBefore(child, last)) break;
      heap[index] = child;
      index = 2 * index + (child === left ? 1 : 2);
    }
    heap[index] = last;
  }
}
