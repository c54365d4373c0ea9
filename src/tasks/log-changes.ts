import type { NewDelivery } from "../ports/commands/delivery.ts";
import type { EndAnswer, EndCommand, ReplayAnswer } from "../ports/commands/task.ts";
import type { Store } from "../ports/store.ts";
import type { Log, LogFields } from "../shared/log/log.ts";
import { traceIdOf } from "../shared/trace/trace-context.ts";
import { attemptFields } from "./log-fields.ts";
import type { TaskRecord } from "./record.ts";

/** The methods whose answer says that a task has changed. */
type Changes = Pick<
  Store,
  | "accept"
  | "acceptAll"
  | "announce"
  | "claim"
  | "completeBatch"
  | "configure"
  | "deleteTask"
  | "end"
  | "endAll"
  | "record"
  | "recordCall"
  | "replay"
  | "replayAll"
>;

/**
 * A store that logs each change of a task once Redis has committed it: every way to such a change passes here. A stale
 * report or a repeated request changes nothing, and has no line.
 */
export function logChanges<Methods extends Changes>(store: Methods, log: Log): Methods {
  const accepted = (record: TaskRecord, now: number) =>
    log("info", "task-submitted", { ...attemptFields(record), delayMs: Math.max(0, record.startsAt - now) });
  const ended = (command: EndCommand, answer: EndAnswer | undefined) => {
    if (answer?.kind === "ended") logEnd(log, command, answer);
  };
  const replayed = (answer: ReplayAnswer) => {
    if (answer.kind === "replayed") log("info", "task-replayed", attemptFields(answer.record));
  };
  const logged: Changes = {
    accept: async (command) => {
      const answer = await store.accept(command);
      if (answer.kind === "accepted") {
        const { record, now, begun } = answer;
        accepted(begun ? { ...record, attempt: 0 } : record, now);
        if (begun) log("info", "task-started", attemptFields(record));
      }
      return answer;
    },
    acceptAll: async (commands) => {
      const answers = await store.acceptAll(commands);
      for (const answer of answers) if (answer.kind === "accepted") accepted(answer.record, answer.now);
      return answers;
    },
    claim: async (command) => {
      const { project, task, run, attempt } = command;
      const answer = await store.claim(command);
      if (answer.kind === "claimed") log("info", "task-started", attemptFields(answer.record));
      else log("debug", "attempt-not-begun", { project, task, run, attempt, reason: answer.kind });
      return answer;
    },
    recordCall: async (command) => {
      const answer = await store.recordCall(command);
      // The attempt began with this very call; a later one finds its start in the past.
      if (answer.kind === "published" && attemptBegan(answer.record) === answer.now)
        log("info", "task-started", attemptFields(answer.record));
      return answer;
    },
    end: async (command) => {
      const answer = await store.end(command);
      ended(command, answer);
      return answer;
    },
    endAll: async (commands) => {
      const answers = await store.endAll(commands);
      for (const [index, command] of commands.entries()) ended(command, answers[index]);
      return answers;
    },
    replayAll: async (commands) => {
      const answers = await store.replayAll(commands);
      for (const answer of answers) replayed(answer);
      return answers;
    },
    replay: async (command) => {
      const answer = await store.replay(command);
      replayed(answer);
      return answer;
    },
    deleteTask: async (command) => {
      const answer = await store.deleteTask(command);
      if (answer.kind === "erased") log("info", "task-deleted", attemptFields(command.record));
      return answer;
    },
    ...loggedDeliveries(store, log),
  };
  return Object.assign(Object.create(store) as Methods, logged); // every other method is the store's own
}

type DeliveryChanges = Pick<Changes, "announce" | "completeBatch" | "configure" | "record">;

/** Changes that may end deliveries before their first attempt. */
function loggedDeliveries(store: DeliveryChanges, log: Log): DeliveryChanges {
  return {
    announce: async (command) => {
      const answer = await store.announce(command);
      if (answer.kind === "opened") logDeadLetters(log, command.record.project, command.deliveries);
      return answer;
    },
    completeBatch: async (command) => {
      const answer = await store.completeBatch(command);
      if (answer.kind === "completed") logDeadLetters(log, command.record.project, command.deliveries);
      return answer;
    },
    configure: async (command) => {
      const answer = await store.configure(command);
      if (answer.kind === "configured") logDeadLetters(log, command.caller.project, command.deliveries);
      return answer;
    },
    record: async (command) => {
      const answer = await store.record(command);
      if (answer.kind === "recorded") logDeadLetters(log, command.project, command.deliveries);
      return answer;
    },
  };
}

function logEnd(
  log: Log,
  { record, outcome, cause, actor }: EndCommand,
  { now, nextAt }: Extract<EndAnswer, { kind: "ended" }>,
): void {
  const began = attemptBegan(record);
  const fields: LogFields = {
    ...attemptFields(record),
    ...(record.attempt > 0 && began !== undefined && { durationMs: Math.max(0, Math.round(now - began)) }),
    actor,
    cause,
  };
  switch (outcome.kind) {
    case "retry":
      log("warn", "task-retrying", {
        ...fields,
        code: outcome.error.code,
        delayMs: Math.round(nextAt - now),
      });
      return;
    case "waiting":
      log("info", "task-waiting", fields);
      break;
    default: {
      const totalMs = Math.max(0, Math.round(now - record.createdAt));
      logOutcome(log, outcome.kind, { ...fields, totalMs, code: outcome.error?.code });
    }
  }
  logDeadLetters(log, record.project, outcome.deliveries);
}

function logOutcome(log: Log, status: "succeeded" | "failed" | "canceled" | "expired", fields: LogFields) {
  switch (status) {
    case "succeeded":
      return log("info", "task-succeeded", fields);
    case "canceled":
      return log("info", "task-canceled", fields);
    case "failed":
      return log("warn", "task-failed", fields);
    case "expired":
      return log("warn", "task-expired", fields);
  }
}

/** Deliveries that nobody may send now: they are dead letters from the start. */
function logDeadLetters(log: Log, project: string, deliveries: readonly NewDelivery[]): void {
  for (const { dead, id, taskId, batchId, eventId, eventType, endpointId, trace } of deliveries) {
    if (!dead) continue;
    log("warn", "delivery-dead", {
      project,
      delivery: id,
      ...(taskId !== "" && { task: taskId }),
      ...(batchId !== undefined && { batch: batchId }),
      eventType,
      endpoint: endpointId,
      attempts: 0,
      code: "endpoint-disabled",
      traceId: traceIdOf({ id: taskId || eventId, trace }),
    });
  }
}

/** When the present attempt began: the run's `startedAt` is that of its first attempt. */
function attemptBegan({ timeline, run, startedAt }: TaskRecord): number | undefined {
  const started = timeline.findLast((entry) => entry.run === run && entry.type === "task.started");
  return started?.at ?? startedAt;
}
