import type { Count, Counts } from "./results.ts";

/** The most that each may cost; docs/storage.md counts the commands of a task. */
const BUDGET: Readonly<Record<keyof Counts, Count>> = {
  happy: { requests: 4, commands: 28, messages: 1, publishes: 1 },
  immediate: { requests: 3, commands: 23, messages: 0, publishes: 0 },
  retry: { requests: 2, commands: 11, messages: 1, publishes: 1 },
  waitingInLine: { requests: 60, commands: 160, messages: 0, publishes: 2 },
  idleDay: { requests: 3_000, commands: 2_400, messages: 50, publishes: 0 },
  streamMinute: { requests: 0.5, commands: 1.5, messages: 0, publishes: 0 },
  wait: { requests: 4, commands: 15, messages: 0, publishes: 0 },
};

/** A line for each figure that is above its budget; none when all is well. */
export function excesses(counts: Counts): readonly string[] {
  return Object.entries(BUDGET).flatMap(([name, budget]) => {
    const counted = counts[name as keyof Counts]; // its own keys
    if (!counted) return [];
    return Object.entries(budget)
      .filter(([what, most]) => !(counted[what as keyof Count] <= most))
      .map(([what, most]) => `${name}: ${counted[what as keyof Count]} ${what}, at most ${most}`);
  });
}
