import { LEASE } from "../../src/shared/limits.ts";
import { isTerminal, MOVES, type StoredStatus, type TaskStatus, TERMINAL } from "../../src/tasks/status.ts";
import type { Judge } from "./checker.ts";
import type { Execution, Found, History, Seen, Story, TimelineItem } from "./history.ts";

/** From a claim to the handler's first word at most this much goes by, in milliseconds. */
const SLOW_START = 10_000;

/** Which status a timeline item leads to. */
const LEADS_TO: Readonly<Record<string, StoredStatus>> = {
  "task.created": "queued",
  "task.replayed": "queued",
  "task.retrying": "queued",
  "task.started": "running",
  "task.waiting": "waiting",
  "task.succeeded": "succeeded",
  "task.failed": "failed",
  "task.canceled": "canceled",
  "task.expired": "expired",
};

/** Everything that was promised of tasks. */
export const taskInvariants = {
  /** A 202 is kept: the task is there at the end, unless its client erased it. */
  *"an accepted task is kept"({ stories, found }) {
    const there = new Set(found.map(({ id }) => id));
    for (const story of stories) {
      if (wasErased(story)) continue;
      for (const id of idsTold(story)) if (!there.has(id)) yield `${id} was accepted and is gone`;
    }
  },

  /** Its erasure was confirmed; whoever never heard of it cannot say. */
  *"what was erased stays erased"({ stories, found }) {
    const there = new Set(found.map(({ id }) => id));
    for (const story of stories) {
      if (!story.told.some(({ act, status }) => act === "erase" && status === 204)) continue;
      for (const id of idsTold(story)) if (there.has(id)) yield `${id} was erased and is back`;
    }
  },

  *"every run reaches a terminal status"({ found }) {
    for (const task of found) {
      if (!isTerminal(task.status as TaskStatus)) yield `${task.id} is still ${task.status}`;
      const ended = new Set(endings(task.timeline).map(({ run }) => run));
      for (let run = 1; run < task.run; run += 1)
        if (!ended.has(run)) yield `${task.id}: run ${run} never ended`;
    }
  },

  /** From every source that names one: answers, callbacks, the timeline, the end. */
  *"a run has one terminal status"(history) {
    const told = new Map<string, Set<string>>();
    for (const seen of everySight(history)) {
      if (!isTerminal(seen.status as TaskStatus)) continue;
      const run = `${seen.id} run ${seen.run}`;
      told.set(run, (told.get(run) ?? new Set()).add(seen.status));
    }
    for (const [run, statuses] of told) if (statuses.size > 1) yield `${run}: ${[...statuses].join(" and ")}`;
    for (const { id, timeline } of history.found) {
      const runs = endings(timeline).map(({ run }) => run);
      if (new Set(runs).size < runs.length) yield `${id}: a run ended twice in ${types(timeline)}`;
    }
  },

  *"a task moves along the state machine"({ found }) {
    for (const { id, status, sequence, timeline } of found) {
      let [at, run] = [undefined as StoredStatus | undefined, 1];
      for (const [index, item] of timeline.entries()) {
        const to = LEADS_TO[item.type];
        if (item.sequence !== index + 1) yield `${id}: entry ${index + 1} has sequence ${item.sequence}`;
        if (to === undefined) yield `${id}: unknown entry ${item.type}`;
        else if (!mayFollow(at, to, item, run))
          yield `${id}: ${at ?? "nothing"} → ${item.type} in run ${item.run}`;
        at = to;
        run = item.run;
      }
      if (at !== (status === "scheduled" ? "queued" : status))
        yield `${id}: ${status}, but ${types(timeline)}`;
      if (timeline.at(-1)?.sequence !== sequence) yield `${id}: sequence ${sequence}, but ${types(timeline)}`;
    }
  },

  /** What is asked after an answer was there is not answered with something older. */
  *"no answer goes back in time"({ stories }) {
    for (const { ref, told } of stories) {
      const answers = told.flatMap(({ from, at, task }) => (task ? [{ from, at, task }] : []));
      for (const later of answers) {
        const newest = answers
          .filter((earlier) => earlier.at < later.from && earlier.task.id === later.task.id)
          .reduce((most, { task }) => Math.max(most, task.sequence), 0);
        if (later.task.sequence < newest) yield `${ref}: ${later.task.sequence} after ${newest}`;
      }
    }
  },

  *"an idempotency key names one task"({ stories, found }) {
    for (const story of stories) {
      const ids = new Set([...idsTold(story), ...found.filter(isOf(story)).map(({ id }) => id)]);
      if (ids.size > 1) yield `${story.ref}: ${[...ids].join(" and ")}`;
    }
  },

  /** Another body under a key that was used is the client's mistake: it is told so. */
  *"an idempotency key stands for one request"({ stories }) {
    for (const { ref, told } of stories) {
      const taken = told.find(({ act, status }) => act === "misuse" && status >= 200 && status < 300);
      if (taken) yield `${ref}: another body was answered ${taken.status}`;
    }
  },

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

  /** Of a run that was taken over, the outcome of whoever took it over counts, and no word of whom it was taken from. */
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

  /** Who completes a task says whose token it was: that of the attempt that waits, and no other. */
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

  /** Of the last run: a replay sets a new deadline. */
  *"past its deadline a run only expires"({ found }) {
    for (const { id, run, deadlineAt, timeline } of found) {
      const ended = endings(timeline).find((item) => item.run === run);
      if (ended && ended.type !== "task.expired" && ended.at > deadlineAt)
        yield `${id}: ${ended.type} ${ended.at - deadlineAt} ms past its deadline`;
    }
  },

  /** And what has ended is not: at every moment at which Redis was looked at. */
  *"what has not ended is due"({ audits }) {
    for (const { undue } of audits) yield* undue;
  },

  *"what has not ended has no TTL"({ audits }) {
    for (const { mortal } of audits) yield* mortal;
  },

  /** However many sweeps there are at once: what does not move is put off twice as long each time. */
  *"what does not move is looked at less and less often"({ audits }) {
    for (const { hasty } of audits) yield* hasty;
  },

  *"nothing is due when all is done"({ due }) {
    for (const member of due) yield `${member} is still due`;
  },

  *"the counters are right"({ books, found, stories, audits }) {
    for (const { miscounted } of audits) yield* miscounted;
    for (const { project, open, ended } of books) {
      const own = found.filter((task) => task.project === project);
      const isOpen = own.filter(({ status }) => !isTerminal(status as TaskStatus)).length;
      if (open !== isOpen) yield `${project}: ${open} open by the books, ${isOpen} in fact`;
      const runs = Map.groupBy(
        own.flatMap(({ timeline }) => endings(timeline)),
        ({ type }) => type.slice("task.".length),
      );
      let erased = stories
        .filter((story) => story.project === project && wasErased(story))
        .reduce((sum, { told }) => sum + Math.max(1, ...told.map(({ task }) => task?.run ?? 1)), 0);
      for (const status of TERMINAL) {
        const more = (ended[status] ?? 0) - (runs.get(status)?.length ?? 0);
        if (more < 0 || more > erased)
          yield `${project}: ${ended[status] ?? 0} ${status} by the books, ${more} too many`;
        erased -= Math.max(0, more);
      }
    }
  },
} satisfies Record<string, Judge>;

/** Every status of a task and run that anybody was told of. */
function* everySight({ stories, callbacks, found }: History): Iterable<Pick<Seen, "id" | "run" | "status">> {
  for (const { told } of stories) for (const { task } of told) if (task) yield task;
  for (const { task } of callbacks) yield task;
  for (const task of found) {
    yield task;
    for (const { run, type } of endings(task.timeline))
      yield { id: task.id, run, status: type.slice("task.".length) };
  }
}

function endings(timeline: readonly TimelineItem[]): TimelineItem[] {
  return timeline.filter(({ type }) => isTerminal(type.slice("task.".length) as TaskStatus));
}

function types(timeline: readonly TimelineItem[]): string {
  return timeline.map(({ run, type }) => `${run}:${type.slice("task.".length)}`).join(" ");
}

/** A lapsed lease is taken over without a change of status; a new run begins with a replay alone. */
function mayFollow(
  from: StoredStatus | undefined,
  to: StoredStatus,
  item: TimelineItem,
  run: number,
): boolean {
  if (from === undefined) return item.type === "task.created" && item.run === 1;
  if (item.type === "task.created") return false;
  if (item.run !== run + (item.type === "task.replayed" ? 1 : 0)) return false;
  return MOVES[from].includes(to) || (from === "running" && to === "running");
}

/** A lapsed lease is taken over within its attempt. */
function attemptsOf(timeline: readonly TimelineItem[], run: number): number {
  return timeline.filter((item) => item.run === run && item.type === "task.started" && !item.cause).length;
}

/** What `storm.hand-over` is completed with. */
function completionOf(result: unknown): { readonly run: number; readonly attempt: number } | undefined {
  if (typeof result !== "object" || result === null) return undefined;
  const { run, attempt } = result as Readonly<Record<string, unknown>>; // JSON that the API answered
  return typeof run === "number" && typeof attempt === "number" ? { run, attempt } : undefined;
}

/** A client that erased its task may not have heard of it. */
function wasErased({ told }: Story): boolean {
  return told.some(({ act, status }) => act === "erase" && (status === 204 || status === 0 || status >= 500));
}

function idsTold({ told }: Story): Set<string> {
  return new Set(told.flatMap(({ task }) => (task ? [task.id] : [])));
}

function isOf({ ref, project }: Story): (task: Found) => boolean {
  return (task) => task.ref === ref && task.project === project;
}

/** In the order in which handlers say that they began. */
function beginsOf(work: readonly Execution[]): Execution[] {
  return work.filter(({ phase }) => phase === "begin").toSorted((one, other) => one.at - other.at);
}

/** What was claimed before a process stood still may begin right after it: its word for when is worth nothing. */
function isDazed({ stalls }: History, { at, on }: Execution): boolean {
  return stalls.some(
    ({ name, from, to }) => name === on && to - from > SLOW_START / 2 && at >= from && at < to + SLOW_START,
  );
}

/** What `storm.work` returns. */
function executionOf(result: unknown): unknown {
  return typeof result === "object" && result !== null && "execution" in result
    ? result.execution
    : undefined;
}

/** Under `<task> <run>`. */
function byRun(executions: readonly Execution[]): ReadonlyMap<string, Execution[]> {
  return Map.groupBy(executions, ({ task, run }) => `${task} ${run}`);
}
