import type { Series } from "./samples.ts";

/** The course of a figure over a run. */
export interface Course {
  readonly name: string;
  readonly unit: string;
  /** Medians of the run's thirds. */
  readonly thirds: readonly [number, number, number];
  readonly highest: number;
  /** Of the line through all samples, per hour. */
  readonly slope: number;
  /** The limit of the last third's median, given the middle one's; absent where nothing is judged. */
  readonly limit?: number;
  readonly isGrowing: boolean;
}

/**
 * Judges whether a figure is flat: the median of the last third of its samples against that of the middle one, so that
 * neither what warms up in the first third counts, nor one sample that is out of line.
 *
 * @param times of the samples, in seconds
 */
export function courseOf({ name, unit, values, tolerance }: Series, times: readonly number[]): Course {
  if (values.length < 6) throw new Error(`${name}: ${values.length} samples are too few to judge by`);
  const third = Math.floor(values.length / 3);
  const [first, middle, last] = [
    median(values.slice(0, third)),
    median(values.slice(third, -third)),
    median(values.slice(-third)),
  ];
  const course = {
    name,
    unit,
    thirds: [first, middle, last] as const,
    highest: Math.max(...values),
    slope: slopeOf(values, times) * 3_600,
  };
  if (!tolerance) return { ...course, isGrowing: false };
  const limit = middle + Math.max(tolerance.least, middle * tolerance.share);
  return { ...course, limit, isGrowing: !(last <= limit) };
}

/** The slope of the line that fits the points best (least squares). */
export function slopeOf(ys: readonly number[], xs: readonly number[]): number {
  const [meanX, meanY] = [mean(xs), mean(ys)];
  let product = 0;
  let square = 0;
  for (const [index, x] of xs.entries()) {
    product += (x - meanX) * ((ys[index] ?? Number.NaN) - meanY);
    square += (x - meanX) ** 2;
  }
  return square === 0 ? 0 : product / square;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** NaN when there are no values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
