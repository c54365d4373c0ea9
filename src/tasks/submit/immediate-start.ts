import type { AcceptCommand } from "../../ports/commands/task.ts";
import {
  FIRST_CALLBACK,
  IMMEDIATE_ATTEMPTS,
  IMMEDIATE_LEASE_MARGIN,
  IMMEDIATE_TIMEOUT,
  WORK_AFTER_ANSWER,
} from "../../shared/limits.ts";
import type { AnyTask } from "../../task.ts";

/** The places for immediate attempts in this process, and the time that the runtime gives them. */
export interface ImmediateStarts {
  /**
   * Takes a place. It is free again when it is given back, or after so many milliseconds: a Worker that is cut off
   * gives nothing back.
   *
   * @returns what gives it back; undefined when all places are taken
   */
  take(length: number): (() => void) | undefined;
  /** Whether work that goes on since then has the time for a first callback. */
  mayCall(since: number): boolean;
}

/** @param afterAnswer milliseconds that the runtime lets work go on after an answer; unlimited unless given */
export function createImmediateStarts(
  clock: () => number,
  afterAnswer: number = Number.POSITIVE_INFINITY,
): ImmediateStarts {
  const taken = new Map<symbol, number>();
  return {
    take(length) {
      const now = clock();
      for (const [place, until] of taken) if (until <= now) taken.delete(place);
      if (taken.size >= IMMEDIATE_ATTEMPTS) return undefined;
      const place = Symbol("an immediate attempt");
      taken.set(place, now + length);
      return () => void taken.delete(place);
    },
    mayCall: (since) => clock() - since <= afterAnswer - FIRST_CALLBACK,
  };
}

/** The time after an answer on this runtime: only Workers limit it. */
export function workAfterAnswer({ userAgent }: { readonly userAgent?: string } = navigator): number {
  return userAgent === "Cloudflare-Workers" ? WORK_AFTER_ANSWER : Number.POSITIVE_INFINITY;
}

/** Why a type cannot start in the way that it names, or undefined when it can. */
export function startFault({
  type,
  start = "queue",
  timeout,
  concurrency,
  rate,
}: AnyTask): string | undefined {
  if (start === "queue") return undefined;
  if (start !== "immediate") return `The start of "${type}" must be queue or immediate.`;
  if (timeout === undefined || timeout > IMMEDIATE_TIMEOUT)
    return `The timeout of "${type}" must be ${IMMEDIATE_TIMEOUT} milliseconds or less, because it starts immediately.`;
  if (concurrency !== undefined || rate !== undefined)
    return `"${type}" must start through the queue, because it has a concurrency or a rate.`;
  return undefined;
}

/** The submit of a task, as far as it selects the way of its first attempt. */
interface Asked {
  readonly delay?: number;
  readonly notBefore?: number;
  readonly concurrencyKey?: string;
  readonly timeout?: number;
  readonly queued?: boolean;
}

/** The lease of an attempt that begins where its task is accepted; undefined when the queue starts it. */
export function immediateLease(
  definition: AnyTask | undefined,
  { delay, notBefore, concurrencyKey, queued, ...asked }: Asked,
): AcceptCommand["lease"] {
  const timeout = asked.timeout ?? definition?.timeout ?? Number.POSITIVE_INFINITY;
  const waits = delay !== undefined || notBefore !== undefined || concurrencyKey !== undefined || queued;
  if (definition?.start !== "immediate" || waits || timeout > IMMEDIATE_TIMEOUT) return undefined;
  return { id: crypto.randomUUID(), length: Math.ceil(timeout) + IMMEDIATE_LEASE_MARGIN };
}
