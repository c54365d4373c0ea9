/** The longest time that a timer takes, milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Waits; rejects with the signal's reason when that aborts. */
export function pause(length: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      },
      Math.min(length, LONGEST_TIMER),
    );
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * Runs work under a signal that aborts with the caller's own, or after a time.
 *
 * @param length milliseconds; undefined: without limit
 * @param late the reason after that time
 */
export async function within<T>(
  length: number | undefined,
  signal: AbortSignal | undefined,
  late: () => Error,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (length === undefined) return work(signal);
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(late()), Math.min(length, LONGEST_TIMER));
  try {
    return await work(anyOf(timer.signal, signal));
  } finally {
    clearTimeout(timeout);
  }
}

/** Aborts as soon as one of the two does. */
export function anyOf(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other ? AbortSignal.any([one, other]) : one;
}
