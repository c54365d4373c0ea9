import type { Break } from "./breaks.ts";
import { check, type Invariant } from "./checker.ts";
import type { History } from "./history.ts";
import { runStorm } from "./storm.ts";

/** Promises whose violation shows during the storm; the others are judged at its end. */
const AT_ONCE: ReadonlySet<Invariant> = new Set([
  "a body is the same on every attempt",
  "a revoked key opens nothing",
  "a callback reaches its own project alone",
  "a run has one lease holder",
  "a run has one terminal status",
  "an event has one id",
  "an idempotency key names one task",
  "an idempotency key stands for one request",
  "every callback is signed",
  "no answer goes back in time",
  "nothing begins after its cancel was confirmed",
  "no callback is sent before its state change is committed",
  "the counters are right",
  "the sweep looks at a stalled entry less and less often",
  "no open task or delivery has a TTL",
  "every open task and delivery is due",
]);

/**
 * A short storm over a deployment that was broken on purpose: returns the violated promises among those that it must
 * break.
 */
export async function breakAndWatch(
  { name: _name, what: _what, caughtBy, duration = 30_000, killEvery = 8_000, ...conditions }: Break,
  seed: number,
): Promise<{ readonly caughtBy: readonly Invariant[]; readonly seconds: number }> {
  const began = performance.now();
  const caught = (history: History): Invariant[] => {
    const broken = new Set(check(history).map(({ invariant }) => invariant));
    return caughtBy.filter((invariant) => broken.has(invariant));
  };
  const isEnough = (history: History) => caught(history).some((invariant) => AT_ONCE.has(invariant));
  const options = { seed, duration, recovery: 75_000, isEnough, clients: 30, killEvery };
  const { history } = await runStorm({ ...options, ...conditions });
  return { caughtBy: caught(history), seconds: (performance.now() - began) / 1_000 };
}
