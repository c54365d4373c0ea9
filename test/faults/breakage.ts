import type { Break } from "./breaks.ts";
import { check, type Invariant } from "./checker.ts";
import type { History } from "./history.ts";
import { runStorm } from "./storm.ts";

/** What shows while the storm goes on; the others are told by what is found at its end. */
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
  "nothing is told before it is so",
  "the counters are right",
  "what does not move is looked at less and less often",
  "what has not ended has no TTL",
  "what has not ended is due",
]);

/** A short storm over a deployment that was broken on purpose: which of the promises that it must break it was seen to. */
export async function breakAndWatch(
  { name: _name, what: _what, caughtBy, duration = 30_000, ...conditions }: Break,
  seed: number,
): Promise<{ readonly caughtBy: readonly Invariant[]; readonly seconds: number }> {
  const began = performance.now();
  const caught = (history: History): Invariant[] => {
    const broken = new Set(check(history).map(({ invariant }) => invariant));
    return caughtBy.filter((invariant) => broken.has(invariant));
  };
  const isEnough = (history: History) => caught(history).some((invariant) => AT_ONCE.has(invariant));
  const options = { seed, duration, recovery: 75_000, isEnough, clients: 30, killEvery: 8_000 };
  const { history } = await runStorm({ ...options, ...conditions });
  return { caughtBy: caught(history), seconds: (performance.now() - began) / 1_000 };
}
