/** The time that the stand-in lives by. Tests hand in one that they move themselves. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Runs `task` once `now()` has reached `time`; the returned function takes it back. */
  at(time: number, task: () => void): () => void;
}

/** The longest wait that a timer of Node can hold; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A clock that runs `factor` times as fast as the real one, beginning at the real time: with 60 a backoff
 * of 12 s takes 200 ms.
 */
export function acceleratedClock(factor: number): Clock {
  const start = Date.now();
  const now = () => (factor === 1 ? Date.now() : start + (Date.now() - start) * factor);
  return {
    now,
    at(time, task) {
      let timer: NodeJS.Timeout;
      const arm = () => {
        const wait = (time - now()) / factor;
        if (wait <= 0) timer = setTimeout(task, 0);
        else
          timer = setTimeout(
            wait > LONGEST_TIMER_MS ? arm : fire,
            Math.min(Math.ceil(wait), LONGEST_TIMER_MS),
          );
      };
      // A timer of Node may fire a fraction of a millisecond early.
      const fire = () => (now() < time ? arm() : task());
      arm();
      return () => clearTimeout(timer);
    },
  };
}

/** The real time. */
export const systemClock: Clock = acceleratedClock(1);
