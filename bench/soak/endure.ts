import type { Deployment, Watched } from "./deployment.ts";
import { type Course, courseOf } from "./flatness.ts";
import type { Ledger } from "./ledger.ts";
import { Samples } from "./samples.ts";
import { drained, spread } from "./sustain.ts";
import type { Answer, Traffic } from "./traffic.ts";

/** How the system handled a rate within its capacity. */
export interface Endurance {
  /** Tasks per second. */
  readonly rate: number;
  readonly minutes: number;
  readonly accepted: number;
  /** Everything but a 202, by answer. */
  readonly others: Readonly<Record<string, number>>;
  /** Accepted tasks whose callback never came. */
  readonly lost: number;
  /** Milliseconds, by thirds of the run. */
  readonly accept: readonly Spread[];
  readonly callback: readonly Spread[];
  readonly courses: readonly Course[];
  readonly samples: number;
}

export type Spread = ReturnType<typeof spread>;

/** The rate runs this long before the first sample, so that as much is kept as will be kept. */
const LEAD_IN = 10;

/** Samples are at most so many seconds apart; a short run takes about a hundred. */
const SAMPLE_EVERY = 5;
const SAMPLES = 100;

const DRAIN = 120_000;

/** Runs a rate for so many minutes and samples memory, sockets, Redis and what is behind. */
export async function endure(
  deployment: Deployment,
  processes: readonly Watched[],
  traffic: Traffic,
  ledger: Ledger,
  { rate, minutes }: { readonly rate: number; readonly minutes: number },
): Promise<Endurance> {
  await traffic.run(rate, LEAD_IN, () => undefined);
  const samples = new Samples(processes, deployment.redis, () => ledger.backlog);
  const answers: Answer[] = [];
  const callbacks: number[] = [];
  ledger.onCallback = (_, took, isDirect) => {
    if (isDirect) callbacks.push(took);
  };
  const sampling = sampleEvery(Math.min(SAMPLE_EVERY, (minutes * 60) / SAMPLES), () => samples.take());
  try {
    await traffic.run(rate, minutes * 60, (answer) => answers.push(answer));
  } finally {
    ledger.onCallback = undefined;
    await sampling.stop();
  }
  await drained(ledger, DRAIN);
  return {
    rate,
    minutes,
    accepted: answers.filter(({ outcome }) => outcome === "202").length,
    others: countOthers(answers),
    lost: ledger.waiting,
    accept: thirdsOf(answers.map(({ took }) => took)),
    callback: thirdsOf(callbacks),
    courses: samples.series.map((series) => courseOf(series, samples.times)),
    samples: samples.times.length,
  };
}

/** How often each answer other than 202 came. */
export function countOthers(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of answers) {
    if (outcome !== "202") counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

function thirdsOf(values: readonly number[]): readonly Spread[] {
  const third = Math.floor(values.length / 3);
  return [values.slice(0, third), values.slice(third, 2 * third), values.slice(2 * third)].map(spread);
}

/** Takes one sample after the other; `stop` throws the error of a failed one. */
function sampleEvery(seconds: number, take: () => Promise<void>): { stop(): Promise<void> } {
  let last: Promise<void> = take();
  const timer = setInterval(() => {
    last = last.then(take);
    last.catch(() => clearInterval(timer)); // stop() throws it
  }, seconds * 1_000);
  return {
    stop: () => {
      clearInterval(timer);
      return last;
    },
  };
}
