/** The figures of one round of load on one contender. */
export interface Sample {
  /** Finished per second. */
  readonly throughput: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Condenses the durations (milliseconds) of everything that finished within `seconds`. */
export function sample(durations: readonly number[], seconds: number): Sample {
  const sorted = [...durations].sort((a, b) => a - b);
  return {
    throughput: sorted.length / seconds,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
  };
}

/** The median over rounds, of each figure on its own. */
export function medianOf(rounds: readonly Sample[]): Sample {
  const median = (figure: (round: Sample) => number): number =>
    quantile(
      rounds.map(figure).sort((a, b) => a - b),
      0.5,
    );
  return {
    throughput: median((round) => round.throughput),
    p50: median((round) => round.p50),
    p99: median((round) => round.p99),
  };
}

function quantile(sorted: readonly number[], q: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
  if (value === undefined) throw new Error("nothing finished in this round");
  return value;
}
