/** The stand-in's time. Tests pass a clock that they move themselves. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Runs `task` once `now()` has reached `time`; the returned function takes it back. */
  at(time: number, task: () => void): () => void;
}

/** The longest wait that a timer of Node can hold; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The real time. */
export const systemClock: Clock = {
  now: Date.now,
  at(time, task) {
    let timer: NodeJS.Timeout;
    // Asked again when it fires: a timer of Node may be a fraction of a millisecond early.
    const wait = () => {
      const left = time - Date.now();
      timer = left > 0 ? setTimeout(wait, Math.min(left, LONGEST_TIMER_MS)) : setTimeout(task, 0);
    };
    wait();
    return () => clearTimeout(timer);
  },
};
