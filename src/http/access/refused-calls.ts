import type { SignatureRefusal } from "../../ports/queue.ts";
import type { Log } from "../../shared/log/log.ts";

/** At most one line in so many milliseconds: anybody can call `/internal`, and a flood must not fill the log. */
const EVERY = 1_000;

/** Logs calls that the queue did not sign, with the reason; a line also counts those since the one before it. */
export function refusedCalls(log: Log, clock: () => number) {
  let next = Number.NEGATIVE_INFINITY;
  let suppressed = 0;
  return (call: { readonly path: string; readonly requestId: string }, refusal: SignatureRefusal): void => {
    const now = clock();
    if (now < next) {
      suppressed += 1;
      return;
    }
    const { valid: _valid, ...why } = refusal;
    log("warn", "queue-call-refused", { ...call, ...why, ...(suppressed > 0 && { suppressed }) });
    suppressed = 0;
    next = now + EVERY;
  };
}
