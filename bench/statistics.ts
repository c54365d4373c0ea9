/** The value below which a share `q` of the sorted values lies. @throws Error when there are none */
export function quantile(sorted: readonly number[], q: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
  if (value === undefined) throw new Error("there are no values");
  return value;
}

/** @throws Error when there are no values */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = quantile(sorted, 0.5);
  return sorted.length % 2 === 1 ? middle : (middle + quantile(sorted, 0.5 - 1 / sorted.length)) / 2;
}

/** A median, and the interval that holds it with 95 % confidence. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2_000;

/**
 * The median of values, with its percentile-bootstrap interval (Efron and Tibshirani, An Introduction to the Bootstrap,
 * chapter 13).
 *
 * @param random numbers from 0 to 1; from a fixed seed unless given, so that the same values give the same interval
 */
export function bootstrap(values: readonly number[], random = seeded(1)): Estimate {
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN)),
  ).sort((a, b) => a - b);
  return { median: median(values), low: quantile(medians, 0.025), high: quantile(medians, 0.975) };
}

/** A linear congruential generator (Numerical Recipes, section 7.1): good enough to choose rounds. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
