import type { Task } from "../../api/types.ts";

/** How the tasks of one type ended. */
export interface Tally {
  readonly type: string;
  ended: number;
  failed: number;
  readonly codes: Map<string, number>;
}

/** The tasks by type, the type with the largest share of failures first. */
export function talliesOf(
  tasks: readonly Pick<Task, "type" | "done" | "status" | "error">[],
): readonly Tally[] {
  const tallies = new Map<string, Tally>();
  for (const { type, done, status, error } of tasks) {
    const tally = tallies.get(type) ?? { type, ended: 0, failed: 0, codes: new Map() };
    tallies.set(type, tally);
    if (!done || status === "canceled") continue;
    tally.ended++;
    if (status === "succeeded") continue;
    tally.failed++;
    const code = error?.code ?? status;
    tally.codes.set(code, (tally.codes.get(code) ?? 0) + 1);
  }
  return [...tallies.values()].toSorted((a, b) => shareOf(b) - shareOf(a) || b.ended - a.ended);
}

/** The share of failures, 0 to 1. */
export function shareOf({ ended, failed }: Tally): number {
  return ended === 0 ? 0 : failed / ended;
}
