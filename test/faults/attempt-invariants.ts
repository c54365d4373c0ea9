import { LEASE } from "../../src/shared/limits.ts";
import type { Judge } from "./checker.ts";
import type { Execution, History, TimelineItem } from "./history.ts";
import { endings } from "./task-invariants.ts";

/** The longest time from a claim to the handler's first report, in milliseconds. */
const SLOW_START = 10_000;

/** The promises about attempts and their leases. */
export const attemptInvariants = {
  /** Two at work on one run, the second of which began before the first one's lease can have run out. */
  *"a run has one lease holder"(history) {
    for (const work of byRun(history.executions).values()) {
      const begins = beginsOf(work).filter((one) => !isDazed(history, one));
      for (const [index, first] of begins.entries()) {
        const end = work.find(({ execution, phase }) => execution === first.execution && phase === "end");
        for (const second of begins.slice(index + 1)) {
          if (second.at >= first.at + LEASE - SLOW_START) break;
          const isStillAtWork = end !== undefined && end.at > second.at;
          if (isStillAtWork || second.attempt === first.attempt) {
            yield `${first.task} run ${first.run}: attempt ${second.attempt} ${second.at - first.at} ms after ${first.attempt}`;
          }
        }
      }
    }
  },

  /** The new lease holder of a run decides its outcome; reports of the previous holder do not count. */
  *"a stale worker changes nothing"(history) {
    const work = byRun(history.executions);
    for (const { id, run, result, timeline } of history.found) {
      const began = beginsOf(work.get(`${id} ${run}`) ?? []);
      const winner = began.find(({ execution }) => execution === executionOf(result));
      const ended = endings(timeline).find((item) => item.run === run);
      if (!winner || !ended) continue;
      const later = began.find((one) => one.at > winner.at && one.at < ended.at && !isDazed(history, one));
      if (later)
        yield `${id} run ${run}: ended by who began ${ended.at - winner.at} ms before, though taken over ${ended.at - later.at} ms before`;
    }
  },

  *"nothing begins after its cancel was confirmed"(history) {
    const begun = byRun(history.executions);
    for (const { told } of history.stories) {
      for (const { act, status, at, task } of told) {
        if (act !== "cancel" || status !== 200 || task?.status !== "canceled") continue;
        const late = begun
          .get(`${task.id} ${task.run}`)
          ?.find((one) => one.phase === "begin" && one.at > at + SLOW_START && !isDazed(history, one));
        if (late)
          yield `${task.id}: attempt ${late.attempt} began ${late.at - at} ms after its cancel was confirmed`;
      }
    }
  },

  /** The result says whose token completed a task: only the token of the waiting attempt is valid. */
  *"a stale token changes nothing"({ found }) {
    for (const { id, run, status, result, timeline } of found) {
      const said = completionOf(result);
      if (status !== "succeeded" || !said) continue;
      const attempt = attemptsOf(timeline, run);
      if (said.run !== run || said.attempt !== attempt) {
        yield `${id}: run ${run}, attempt ${attempt} took the word of run ${said.run}, attempt ${said.attempt}`;
      }
    }
  },
} satisfies Record<string, Judge>;

/** A lapsed lease is taken over within its attempt. */
function attemptsOf(timeline: readonly TimelineItem[], run: number): number {
  return timeline.filter((item) => item.run === run && item.type === "task.started" && !item.cause).length;
}

/** The result of `storm.hand-over`. */
function completionOf(result: unknown): { readonly run: number; readonly attempt: number } | undefined {
  if (typeof result !== "object" || result === null) return undefined;
  const { run, attempt } = result as Readonly<Record<string, unknown>>; // JSON that the API answered
  return typeof run === "number" && typeof attempt === "number" ? { run, attempt } : undefined;
}

/** In the order in which handlers say that they began. */
function beginsOf(work: readonly Execution[]): Execution[] {
  return work.filter(({ phase }) => phase === "begin").toSorted((one, other) => one.at - other.at);
}

/**
 * An attempt that was claimed before a pause of its process may begin right after it: its own time is then meaningless.
 */
function isDazed({ stalls }: History, { at, on }: Execution): boolean {
  return stalls.some(
    ({ name, from, to }) => name === on && to - from > SLOW_START / 2 && at >= from && at < to + SLOW_START,
  );
}

/** The result of `storm.work`. */
function executionOf(result: unknown): unknown {
  return typeof result === "object" && result !== null && "execution" in result
    ? result.execution
    : undefined;
}

/** Under `<task> <run>`. */
function byRun(executions: readonly Execution[]): ReadonlyMap<string, Execution[]> {
  return Map.groupBy(executions, ({ task, run }) => `${task} ${run}`);
}
