/** The usual length of the runs of each task type, from those that ended in this process. */
export interface RunTimes {
  /** @param length milliseconds between the start of a run and its success */
  succeeded(type: string, length: number): void;
  /** Milliseconds; undefined while no run of the type has ended here. */
  usual(type: string): number | undefined;
}

/** The weight of one run in the mean: it has no influence after about ten more runs. */
const WEIGHT = 0.2;

/** Keeps an exponentially weighted mean for each type, in memory. */
export function createRunTimes(): RunTimes {
  const means = new Map<string, number>();
  return {
    succeeded(type, length) {
      const mean = means.get(type) ?? length;
      means.set(type, mean + (length - mean) * WEIGHT);
    },
    usual: (type) => means.get(type),
  };
}
