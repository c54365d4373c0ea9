import { setTimeout as sleep } from "node:timers/promises";
import { quantile, slopeOf } from "./flatness.ts";
import type { Ledger } from "./ledger.ts";
import type { Answer, Traffic } from "./traffic.ts";

/** The results of one rate. */
export interface Step {
  /** Tasks per second. */
  readonly rate: number;
  /** Tasks per second by which the system fell behind. */
  readonly growth: number;
  /** Milliseconds: until the 202, and until the callback of a task that nothing but the machine made wait. */
  readonly accept: { readonly p50: number; readonly p99: number };
  readonly callback: { readonly p50: number; readonly p99: number };
  readonly refused: number;
  readonly isSustained: boolean;
}

/** Tasks per second at which the search begins, and by how much it goes up until a rate is too high. */
const FIRST = 30;
const FACTOR = 1.5;

/** Halvings of the gap between the highest rate that held and the lowest that did not. */
const HALVINGS = 3;

/** A rate is sustained when the system falls behind by less than this share of it. */
const GROWTH = 0.03;

/** And when half of the callbacks come within so many milliseconds: a queue that stands still is a queue too. */
const CALLBACK_BOUND = 1_000;

/** The first part of a step, in which its rate is not yet felt everywhere: what has its result is erased 3 s later. */
const SETTLING = 0.4;

const LOOK_EVERY = 100;

/** Longest wait between steps until what the last one left is done. */
const DRAIN = 60_000;

/** Finds the highest rate at which the system does not fall behind, by steps of so many seconds. */
export async function findHighest(
  traffic: Traffic,
  ledger: Ledger,
  seconds: number,
  onStep: (step: Step) => void,
): Promise<number> {
  const once = async (rate: number): Promise<boolean> => {
    const step = await tryRate(traffic, ledger, rate, seconds);
    onStep(step);
    await drained(ledger, DRAIN);
    return step.isSustained;
  };
  // Somebody else may have had the machine for a moment: what fails is tried again.
  const holds = async (rate: number) => (await once(rate)) || (await once(rate));
  await traffic.run(FIRST, seconds, () => undefined); // caches, compiled code, connections
  let held = 0;
  let failed = FIRST;
  while (await holds(failed)) {
    held = failed;
    failed = Math.ceil(failed * FACTOR);
  }
  for (let halving = 0; halving < HALVINGS; halving++) {
    const rate = Math.round((held + failed) / 2);
    if (await holds(rate)) held = rate;
    else failed = rate;
  }
  if (held === 0) throw new Error(`not even ${failed} tasks per second were sustained`);
  return held;
}

async function tryRate(traffic: Traffic, ledger: Ledger, rate: number, seconds: number): Promise<Step> {
  const answers: Answer[] = [];
  const callbacks: number[] = [];
  const [times, backlogs]: [number[], number[]] = [[], []];
  const settled = performance.now() + seconds * 1_000 * SETTLING;
  const end = performance.now() + seconds * 1_000;
  ledger.onCallback = (_, took, isDirect) => {
    if (isDirect && performance.now() > settled) callbacks.push(took);
  };
  const looking = setInterval(() => {
    const now = performance.now();
    if (now < settled || now > end) return;
    times.push(now / 1_000);
    backlogs.push(ledger.backlog);
  }, LOOK_EVERY);
  try {
    await traffic.run(rate, seconds, (answer) => answers.push(answer));
  } finally {
    clearInterval(looking);
    ledger.onCallback = undefined;
  }
  const refused = answers.filter(({ outcome }) => outcome !== "202").length;
  const growth = slopeOf(backlogs, times);
  const accept = spread(answers.map(({ took }) => took));
  const callback = spread(callbacks);
  const isSustained = refused === 0 && growth < rate * GROWTH && callback.p50 < CALLBACK_BOUND;
  return { rate, growth, accept, callback, refused, isSustained };
}

/** The median and the 99th percentile. */
export function spread(values: readonly number[]): { p50: number; p99: number } {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99) };
}

/**
 * Waits until every accepted task has been called back.
 *
 * @returns the milliseconds that it took; undefined when tasks are left after `most`
 */
export async function drained(ledger: Ledger, most: number): Promise<number | undefined> {
  const begin = performance.now();
  while (ledger.waiting > 0) {
    if (performance.now() - begin > most) return undefined;
    await sleep(50);
  }
  return performance.now() - begin;
}
