import type { Clock } from "./clock.ts";

/** One thing that is due at a time; withdrawn by {@link Agenda.cancel}. */
export interface Appointment {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  canceled: boolean;
}

const isBefore = (a: Appointment, b: Appointment) => a.at < b.at || (a.at === b.at && a.order < b.order);

/**
 * What is due later, earliest first, behind a single timer: a million delayed messages cost a million heap
 * entries and one timer. Appointments of one time run in the order in which they were made.
 */
export class Agenda {
  readonly #clock: Clock;
  #heap: Appointment[] = [];
  #order = 0;
  #canceled = 0;
  #timer: { at: number; stop: () => void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Entries in the heap, canceled ones that are still there included. */
  get size(): number {
    return this.#heap.length;
  }

  add(at: number, run: () => void): Appointment {
    const appointment = { at, order: this.#order++, run, canceled: false };
    this.#push(appointment);
    this.#arm();
    return appointment;
  }

  cancel(appointment: Appointment): void {
    if (appointment.canceled) return;
    appointment.canceled = true;
    this.#canceled++;
    if (this.#canceled > 1_000 && this.#canceled > this.#heap.length / 2) this.#compact();
  }

  clear(): void {
    this.#timer?.stop();
    this.#timer = undefined;
    this.#heap = [];
  }

  #arm(): void {
    const next = this.#heap[0];
    if (!next || (this.#timer && this.#timer.at <= next.at)) return;
    this.#timer?.stop();
    this.#timer = { at: next.at, stop: this.#clock.at(next.at, () => this.#runDue()) };
  }

  #runDue(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    for (let next = this.#heap[0]; next && next.at <= now; next = this.#heap[0]) {
      this.#pop();
      if (next.canceled) this.#canceled--;
      else next.run();
    }
    this.#arm();
  }

  #compact(): void {
    const kept = this.#heap.filter((appointment) => !appointment.canceled);
    this.#heap = [];
    this.#canceled = 0;
    for (const appointment of kept) this.#push(appointment);
  }

  #push(appointment: Appointment): void {
    const heap = this.#heap;
    let index = heap.push(appointment) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (!parent || !isBefore(appointment, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = appointment;
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
