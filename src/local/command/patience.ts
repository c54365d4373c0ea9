/** The interval in milliseconds after which a line is repeated. */
const REPEATED_AFTER = 10_000;

/**
 * The function to call while a command waits: it says the line once `patience` milliseconds have passed since the first
 * call, and again every ten seconds.
 */
export function waitingLine(say: (line: string) => void, patience = 0): (line: string) => void {
  let next: number | undefined;
  return (line) => {
    const now = performance.now();
    next ??= now + patience;
    if (now < next) return;
    say(line);
    next = now + REPEATED_AFTER;
  };
}
