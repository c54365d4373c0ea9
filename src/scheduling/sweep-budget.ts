import { SWEEP_REQUESTS } from "../shared/limits.ts";

/** The requests at the end of a sweep: the message that hands on the rest, and the note that it was made. */
const LAST_REQUESTS = 2;

/** How long one invocation may go on, in milliseconds. */
const TIME = 20_000;

/** How many requests one invocation of the sweep may still make. */
export interface SweepBudget<Parts> {
  /** The invocation, each of whose requests to Redis and to the queue is counted. */
  readonly ctx: Parts;
  /** Whether there is room, and time, for so many requests. */
  allows(requests: number): boolean;
  /** How many operations of so many requests fit, next to others. */
  times(requests: number, others?: number): number;
}

/** The parts whose requests are counted, and the clock. */
interface Counted {
  readonly store: object;
  readonly queue: object;
  readonly clock: () => number;
}

export function sweepBudget<Parts extends Counted>(ctx: Parts): SweepBudget<Parts> {
  const startedAt = ctx.clock();
  let made = 0;
  const left = () => SWEEP_REQUESTS - LAST_REQUESTS - made;
  /** Every method of a store and of a queue makes one request. */
  const counted = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          made += 1;
          return Reflect.apply(member, target, args);
        };
      },
    });
  return {
    ctx: { ...ctx, store: counted(ctx.store), queue: counted(ctx.queue) },
    allows: (requests) => left() >= requests && ctx.clock() - startedAt <= TIME,
    times: (requests, others = 0) => Math.max(0, Math.floor((left() - others) / requests)),
  };
}
