import type { Deployment, ProjectLimits } from "./deployment.ts";
import { countOthers, type Spread } from "./endure.ts";
import { quantile } from "./flatness.ts";
import type { Ledger } from "./ledger.ts";
import { drained, spread } from "./sustain.ts";
import type { Answer, Traffic } from "./traffic.ts";

/** How the system handled a rate over its capacity. */
export interface Overload {
  readonly name: string;
  /** Tasks per second. */
  readonly rate: number;
  readonly seconds: number;
  readonly limits: ProjectLimits;
  readonly accepted: number;
  /** Everything but a 202, by answer. */
  readonly others: Readonly<Record<string, number>>;
  /** Answers 429 and 503 without a time to retry. */
  readonly withoutRetryAfter: number;
  /** Answers that are neither 202, 429 nor 503, and requests that had none. */
  readonly wrong: number;
  /** Milliseconds until the 202, and until the refusal. */
  readonly accept: Spread;
  readonly refuse: Spread;
  /** The most accepted tasks at a time whose callback had not come. */
  readonly mostWaiting: number;
  /** Seconds from the end of the overload until 202s came at their usual pace; null when that was not seen. */
  readonly recovered: number | null;
  /**
   * Seconds from the end of the overload until every task that it left had ended and its callback had arrived; null:
   * never.
   */
  readonly drained: number | null;
  /** Accepted tasks whose callback never came. */
  readonly lost: number;
}

export interface Storm {
  readonly name: string;
  readonly rate: number;
  readonly seconds: number;
  readonly limits: ProjectLimits;
  /** The rate that goes on afterwards, and the 99th percentile of its 202s in quiet times, in milliseconds. */
  readonly usual: { readonly rate: number; readonly p99: number };
}

/** How long the usual rate goes on after the overload. */
const AFTERWARDS = 20;

/** The system has recovered with the first of so many seconds in a row in which every arrival got its 202 in time. */
const GOOD_SECONDS = 3;

/** In time is 95 of 100 within twice the usual 99th percentile and so many milliseconds. */
const SLACK = 100;

const DRAIN = 300_000;
const LOOK_EVERY = 100;

/** Sends more than the system can handle, then its usual rate, and watches how it sheds and recovers. */
export async function overload(
  deployment: Deployment,
  traffic: Traffic,
  ledger: Ledger,
  storm: Storm,
): Promise<Overload> {
  await deployment.limit(storm.limits);
  const [during, after]: [Answer[], Answer[]] = [[], []];
  let mostWaiting = 0;
  const looking = setInterval(() => {
    mostWaiting = Math.max(mostWaiting, ledger.waiting);
  }, LOOK_EVERY);
  const end = performance.now() + storm.seconds * 1_000;
  let lastEnd = end;
  ledger.onCallback = (task) => {
    if (task.due <= end) lastEnd = performance.now();
  };
  const storming = traffic.run(storm.rate, storm.seconds, (answer) => during.push(answer));
  // The storm is over when its last arrival is due, even if answers are still missing.
  await Promise.race([storming, new Promise((resolve) => setTimeout(resolve, storm.seconds * 1_000))]);
  const calm = traffic.run(storm.usual.rate, AFTERWARDS, (answer) => after.push(answer));
  await Promise.all([storming, calm]);
  clearInterval(looking);
  await drained(ledger, DRAIN);
  ledger.onCallback = undefined;
  const all = [...during, ...after];
  const accepted = during.filter(({ outcome }) => outcome === "202");
  const shed = during.filter(({ outcome }) => isShed(outcome));
  return {
    name: storm.name,
    rate: storm.rate,
    seconds: storm.seconds,
    limits: storm.limits,
    accepted: accepted.length,
    others: countOthers(during),
    withoutRetryAfter: all.filter(({ outcome, hasRetryAfter }) => isShed(outcome) && !hasRetryAfter).length,
    wrong: all.filter(({ outcome }) => outcome !== "202" && !isShed(outcome)).length,
    accept: spread(accepted.map(({ took }) => took)),
    refuse: spread(shed.map(({ took }) => took)),
    mostWaiting,
    recovered: recoveredAfter(after, end, 2 * storm.usual.p99 + SLACK),
    drained: ledger.waiting > 0 ? null : Math.max(0, (lastEnd - end) / 1_000),
    lost: ledger.waiting,
  };
}

function isShed(outcome: string): boolean {
  return /^(?:429|503) /.test(outcome);
}

/** Whole seconds from the end of an overload until the usual rate was handled as usual; null when that was not seen. */
export function recoveredAfter(answers: readonly Answer[], end: number, bound: number): number | null {
  const seconds = Array.from({ length: AFTERWARDS }, (_, second) =>
    answers.filter(({ due }) => Math.floor((due - end) / 1_000) === second),
  );
  const isGood = seconds.map(
    (within) =>
      within.length > 0 &&
      within.every(({ outcome }) => outcome === "202") &&
      quantile(
        within.map(({ took }) => took),
        0.95,
      ) <= bound,
  );
  const first = isGood.findIndex((_, second) => {
    const row = isGood.slice(second, second + GOOD_SECONDS);
    return row.length === GOOD_SECONDS && row.every(Boolean);
  });
  return first < 0 ? null : first;
}
