import type { Random } from "../random.ts";
import { type Plan, work } from "./plan.ts";
import { calledByQueue, passedOn } from "./services.ts";
import { canceled, canceledAhead, erased, replayed } from "./steering.ts";
import { batch, misused, sentTwice, submitted, tooLarge, waitedFor } from "./submits.ts";
import { completed, completedByStale } from "./tokens.ts";

/** The plans of the clients, and their shares. */
const PLANS: readonly (readonly [share: number, name: string, plan: Plan])[] = [
  [30, "echo", (means) => submitted(means, "diagnostics.echo", { said: "hello" })],
  [14, "work", (means) => submitted(means, "storm.work", work(means, 20, 1_500))],
  [14, "begun at once", (means) => submitted(means, "storm.at-once", work(means, 20, 3_000))],
  [2, "long work at once", (means) => submitted(means, "storm.at-once", work(means, 5_000, 15_000))],
  [4, "begun at once, and waited for", (means) => waitedFor(means, "storm.at-once")],
  [4, "begun at once, and canceled", (means) => canceled(means, "storm.at-once")],
  [2, "long work", (means) => submitted(means, "storm.work", work(means, 5_000, 15_000))],
  [8, "flaky", (means) => submitted(means, "diagnostics.flaky", { failures: 1 })],
  [4, "failing", (means) => submitted(means, "diagnostics.flaky", { failures: 9 }, { retries: 0 })],
  [
    7,
    "delayed",
    (means) => submitted(means, "diagnostics.echo", 1, { delay: `${means.random.between(1, 15)}s` }),
  ],
  [3, "deadline", (means) => submitted(means, "storm.work", work(means, 3_000, 6_000), { deadline: "2s" })],
  [1, "too large a result", tooLarge],
  [5, "waited for", (means) => waitedFor(means)],
  [5, "sent twice at once", sentTwice],
  [3, "a key used again for something else", misused],
  [3, "batch", batch],
  [8, "canceled", (means) => canceled(means)],
  [4, "canceled ahead of its start", canceledAhead],
  [6, "replayed", (means) => replayed(means)],
  [2, "begun at once, and replayed", (means) => replayed(means, "storm.at-once")],
  [3, "erased", erased],
  [7, "completed", completed],
  [3, "completed by a stale token", completedByStale],
  [6, "called by the queue", calledByQueue],
  [3, "passed on", passedOn],
];

/** Draws what the next client does. @param only the plans that there are; all of them unless given */
export function nextPlan(
  random: Random,
  only?: readonly string[],
): { readonly name: string; readonly run: Plan } {
  const plans = PLANS.filter(([, name]) => only?.includes(name) ?? true);
  let left = random.next() * plans.reduce((sum, [share]) => sum + share, 0);
  for (const [share, name, run] of plans) {
    left -= share;
    if (left < 0) return { name, run };
  }
  throw new Error("the shares do not add up");
}
