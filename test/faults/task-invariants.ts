import { isTerminal, MOVES, type StoredStatus, type TaskStatus, TERMINAL } from "../../src/tasks/status.ts";
import type { Judge } from "./checker.ts";
import type { Found, History, Seen, Story, TimelineItem } from "./history.ts";

/** How late the sweep may be in rough weather, in milliseconds. */
const LATE = 120_000;

/** The type of tasks whose results Redis cannot take. */
const TOO_LARGE = "storm.too-large";

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

/** The promises about tasks. */
export const taskInvariants = {
  /** A 202 is kept: the task is there at the end, unless its client erased it. */
  *"an accepted task is kept"({ stories, found }) {
    const there = new Set(found.map(({ id }) => id));
    for (const story of stories) {
      if (wasErased(story)) continue;
      for (const id of idsTold(story)) if (!there.has(id)) yield `${id} was accepted and is gone`;
    }
  },

  /** Its erasure was confirmed; a client without the confirmation cannot say. */
  *"an erased task stays erased"({ stories, found }) {
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

  /** A request after an answer never gets an older state. */
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

  /** Another body under a used key is the client's mistake, and is refused. */
  *"an idempotency key stands for one request"({ stories }) {
    for (const { ref, told } of stories) {
      const taken = told.find(({ act, status }) => act === "misuse" && status >= 200 && status < 300);
      if (taken) yield `${ref}: another body was answered ${taken.status}`;
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

  /** A task that nobody else ends is expired by the sweep, however many entries of a neighbour are due with it. */
  *"a deadline is met within two minutes"({ found, audits }) {
    const lastLook = audits.at(-1)?.at ?? 0;
    for (const { id, run, status, done, deadlineAt, timeline } of found) {
      const ended = endings(timeline).find((item) => item.run === run);
      if (ended?.type === "task.expired" && ended.at > deadlineAt + LATE)
        yield `${id} expired ${ended.at - deadlineAt} ms past its deadline`;
      if (!done && lastLook > deadlineAt + LATE)
        yield `${id} is ${status} ${lastLook - deadlineAt} ms past its deadline`;
    }
  },

  /** It is too large once it is escaped, or in UTF-8. An attempt to store it again would never succeed. */
  *"a result that Redis cannot take fails its task"({ found }) {
    for (const { id, type, status, error } of found) {
      if (type === TOO_LARGE && error !== "result-too-large")
        yield `${id} is ${status} with ${error ?? "no error"}`;
    }
  },

  /** Ended tasks and deliveries are not due: at every moment at which Redis was read. */
  *"every open task and delivery is due"({ audits }) {
    for (const { undue } of audits) yield* undue;
  },

  *"no open task or delivery has a TTL"({ audits }) {
    for (const { mortal } of audits) yield* mortal;
  },

  /** However many sweeps run at once, a stalled entry is postponed twice as long each time. */
  *"the sweep looks at a stalled entry less and less often"({ audits }) {
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

/** Every status of a task and run in an answer or callback. */
function* everySight({ stories, callbacks, found }: History): Iterable<Pick<Seen, "id" | "run" | "status">> {
  for (const { told } of stories) for (const { task } of told) if (task) yield task;
  for (const { task } of callbacks) yield task;
  for (const task of found) {
    yield task;
    for (const { run, type } of endings(task.timeline))
      yield { id: task.id, run, status: type.slice("task.".length) };
  }
}

/** The entries that end a run. */
export function endings(timeline: readonly TimelineItem[]): TimelineItem[] {
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

/** A client may not know that its task was erased. */
function wasErased({ told }: Story): boolean {
  return told.some(({ act, status }) => act === "erase" && (status === 204 || status === 0 || status >= 500));
}

function idsTold({ told }: Story): Set<string> {
  return new Set(told.flatMap(({ task }) => (task ? [task.id] : [])));
}

function isOf({ ref, project }: Story): (task: Found) => boolean {
  return (task) => task.ref === ref && task.project === project;
}
