import { ERASED } from "../../../src/adapters/redis/keys.ts";
import type { NewDelivery } from "../../../src/ports/commands/delivery.ts";
import type { Outcome } from "../../../src/ports/commands/task.ts";
import { isTerminal, MOVES, type TerminalStatus } from "../../../src/tasks/status.ts";
import { count, isComplete } from "./batch-steps.ts";
import { type Answer, DELIVERY_LEASE, MAX_OPEN, type Of } from "./operations.ts";
import { isOpen, type Model, type TaskModel } from "./state.ts";

const SECOND = 1_000;
const HORIZON = 3_600 * SECOND;
const GRACE = 30 * SECOND;
const LEASE = 30 * SECOND;
const AFTER_LEASE = 2 * SECOND;
const CRASHES = 3;

/** When somebody must look at what is to begin at a time. */
export function lookFor(start: number, now: number): number {
  return start - now > HORIZON ? start - HORIZON : start + GRACE;
}

export function claim(model: Model, op: Of<"claim">): Answer {
  const { now } = model;
  const task = model.tasks.get(op.id);
  if (!task) return ["gone"];
  if (task.run !== op.run) return ["stale"];
  if (!isOpen(task)) return ["ended", ...task.deliveries];
  const held = (): Answer => ["claimed", task.attempt, task.crashes, task.sequence];
  if (task.status === "running" && task.lease === op.lease) return held();
  if (now >= task.deadlineAt) return ["expired"];
  if (task.status === "waiting") return ["waiting"];
  const takeover = task.status === "running";
  if (takeover && task.leaseUntil > now) return ["busy"];
  if (op.attempt !== task.attempt + (takeover ? 0 : 1)) return ["stale"];
  if (!takeover && task.nextAt > now + SECOND) return ["early"];
  if (!takeover && model.config.paused) {
    Object.assign(task, { parked: true, due: task.deadlineAt, sweeps: undefined });
    model.listed.add(task.id);
    return ["paused"];
  }
  const crashes = task.crashes + (takeover ? 1 : 0);
  if (crashes > CRASHES || op.attempt > task.maxAttempts) return ["exhausted"];
  const due = earlyEntry(task, now);
  const changes = { status: "running", attempt: op.attempt, crashes, sweeps: undefined, parked: false };
  Object.assign(task, changes);
  task.sequence += 1;
  lease(task, op.lease, now);
  task.due = due ?? task.due;
  return held();
}

/** The entry of a queued task, if it is early enough for its lease: nobody has postponed it, and its time is ahead. */
function earlyEntry(task: TaskModel, now: number): number | undefined {
  const isFirst = task.status === "queued" && !task.sweeps && !task.parked;
  return isFirst && now < task.nextAt + GRACE ? task.due : undefined;
}

export function lease(task: TaskModel, id: string, now: number, length = LEASE): void {
  task.lease = id;
  task.leaseUntil = now + length;
  task.due = Math.min(now + length + AFTER_LEASE, task.deadlineAt);
}

export function renew(model: Model, op: Of<"renew">): Answer {
  const task = model.tasks.get(op.id);
  const holds = task?.status === "running" && task.run === op.run && task.attempt === op.attempt;
  if (!task || !holds || task.lease !== op.lease) return ["lost"];
  if (model.now >= task.deadlineAt) return ["expired"];
  if (!op.fixed) {
    lease(task, op.lease, model.now);
    task.sweeps = undefined;
  }
  task.progress = op.progress ?? task.progress;
  return ["renewed"];
}

/** The bearer of an attempt's token is alive: while the task waits, that puts the heartbeat off. */
export function report(model: Model, op: Of<"report">): Answer {
  const { now } = model;
  const task = model.tasks.get(op.id);
  if (!task) return ["gone"];
  if (task.run !== op.run || task.attempt !== op.attempt) return ["stale"];
  if (!isOpen(task)) return ["ended", task.status];
  if (now >= task.deadlineAt) return ["ended", "expired"];
  if (task.status === "queued") return ["stale"];
  task.sweeps = undefined;
  task.progress = op.progress ?? task.progress;
  if (task.heartbeat > 0) {
    task.heartbeatBy = now + task.heartbeat;
    task.due = Math.min(task.heartbeatBy, task.deadlineAt);
  }
  return ["reported"];
}

const statusOf = (outcome: Outcome) => (outcome.kind === "retry" ? "queued" : outcome.kind);

/** The answer to an end that is sent again, or to a request of a known key; undefined for a new one. */
function knownEnd(model: Model, task: TaskModel, op: Of<"end">): Answer | undefined {
  const isDone = () => task.batch !== undefined && isComplete(model.batches.get(task.batch));
  if (task.endNonce === op.nonce) {
    return ["ended", task.sequence, ...(!isOpen(task) && isDone() ? ["batch done"] : [])];
  }
  const known = op.idempotency && model.idempotency.get(op.idempotency.hash);
  return known && [known.print === op.idempotency?.fingerprint ? "repeated" : "reused"];
}

export function end(model: Model, op: Of<"end">): Answer {
  const task = model.tasks.get(op.record.id);
  if (!task) return ["gone"];
  const before = knownEnd(model, task, op);
  if (before) return before;
  if (task.run !== op.record.run) return ["stale"];
  const to = statusOf(op.outcome);
  const remember = () => {
    if (op.idempotency) {
      model.idempotency.set(op.idempotency.hash, { print: op.idempotency.fingerprint, id: task.id });
    }
  };
  if (!isOpen(task)) {
    if (task.status === to) remember();
    return ["already", task.status];
  }
  const refusal = refused(task, op);
  if (refusal) return [refusal];
  const next = model.now + (op.outcome.kind === "retry" ? op.outcome.delay : 0);
  if (next >= task.deadlineAt && to !== "expired") return ["deadline-passed"];
  if (!MOVES[task.status].includes(to)) return ["stale"];
  if (op.configVersion !== undefined && op.configVersion !== model.config.version) return ["config-changed"];
  Object.assign(task, { status: to, lease: "", leaseUntil: 0, parked: false, sweeps: undefined });
  task.endNonce = op.nonce;
  task.sequence += 1;
  if (op.outcome.kind !== "retry") openDeliveries(model, task, op.outcome.deliveries);
  if (isTerminal(to)) {
    remember();
    finishTask(model, task, op.outcome, to);
    if (count(model, task.batch, task.id, to)) return ["ended", task.sequence, "batch done"];
  } else goOn(model, task, op.outcome);
  return ["ended", task.sequence];
}

/** Who may not end it: whoever lost the lease, bears an older attempt's token, or has not read the newest state. */
function refused(task: TaskModel, { authority }: Of<"end">): string | undefined {
  const present = authority.by === "sequence" || task.attempt === authority.attempt;
  if (authority.by === "lease") {
    return task.status === "running" && task.lease === authority.lease && present ? undefined : "stale";
  }
  if (authority.by === "token" && (task.status === "queued" || !present)) return "stale";
  return task.sequence === authority.sequence ? undefined : "changed";
}

export function openDeliveries(model: Model, task: TaskModel, deliveries: readonly NewDelivery[]): void {
  for (const { id, lease: leased, endpointId } of deliveries) {
    model.deliveries.set(id, {
      id,
      task: task.id,
      endpoint: endpointId,
      status: "pending",
      attempt: leased ? 1 : 0,
      base: 0,
      crashes: 0,
      nextAt: model.now,
      lease: leased?.id ?? "",
      leaseUntil: leased ? model.now + DELIVERY_LEASE : 0,
      endedAt: undefined,
      recorded: [],
      recordNonce: "",
      redeliverNonce: "",
      due: model.now + (leased ? DELIVERY_LEASE + AFTER_LEASE : GRACE),
      sweeps: undefined,
    });
    task.deliveries.push(id);
  }
}

function finishTask(model: Model, task: TaskModel, outcome: Outcome, to: TerminalStatus): void {
  if (!("endedAt" in outcome)) return;
  const { endedAt, resultTtl } = outcome;
  Object.assign(task, { due: undefined, endedAt, resultExpiresAt: endedAt + resultTtl, nextAt: endedAt });
  model.open -= 1;
  model.endings[to] += 1;
}

function goOn({ now }: Model, task: TaskModel, outcome: Outcome): void {
  const heartbeat = outcome.kind === "waiting" ? (outcome.heartbeat ?? 0) : 0;
  task.nextAt = now + (outcome.kind === "retry" ? outcome.delay : 0);
  task.heartbeat = heartbeat;
  task.heartbeatBy = heartbeat > 0 ? now + heartbeat : 0;
  const look = outcome.kind === "retry" ? lookFor(task.nextAt, now) : task.heartbeatBy || task.deadlineAt;
  task.due = Math.min(look, task.deadlineAt);
}

export function replay(model: Model, op: Of<"replay">): Answer {
  const { now } = model;
  const task = model.tasks.get(op.record.id);
  if (!task) return ["missing"];
  if (task.replayNonce === op.nonce) return ["replayed", task.run];
  const known = op.idempotency && model.idempotency.get(op.idempotency.hash);
  if (known) return known.print === op.idempotency?.fingerprint ? ["repeated", task.run] : ["reused"];
  if (isOpen(task)) return ["pending"];
  if (task.sequence !== op.record.sequence) return ["changed"];
  if ((task.resultExpiresAt ?? 0) <= now) return ["expired"];
  if (model.open >= (model.quota ?? MAX_OPEN)) return ["quota"];
  const { deadline } = op.record.options;
  Object.assign(task, { status: "queued", attempt: 0, crashes: 0, nextAt: now, deadlineAt: now + deadline });
  Object.assign(task, {
    lease: "",
    leaseUntil: 0,
    heartbeatBy: 0,
    endedAt: undefined,
    resultExpiresAt: undefined,
  });
  task.run += 1;
  task.sequence += 1;
  task.pastDeliveries.push(...task.deliveries);
  Object.assign(task, { deliveries: [], replayNonce: op.nonce, sweeps: undefined });
  Object.assign(task, { heartbeat: 0, progress: undefined });
  task.due = Math.min(now + GRACE, task.deadlineAt);
  if (op.idempotency) {
    model.idempotency.set(op.idempotency.hash, { print: op.idempotency.fingerprint, id: task.id });
  }
  model.open += 1;
  return ["replayed", task.run];
}

export function erase(model: Model, op: Of<"erase">): Answer {
  const task = model.tasks.get(op.record.id);
  if (!task) return ["missing"];
  if (isOpen(task)) return ["pending"];
  if (task.sequence !== op.record.sequence) return ["changed"];
  for (const id of [...task.deliveries, ...task.pastDeliveries]) {
    model.deliveries.delete(id);
    model.deadLetters.delete(id);
  }
  if (task.idempotencyHash === undefined) model.erased.add(task.id);
  else {
    const owner = model.idempotency.get(task.idempotencyHash)?.id;
    if (owner === task.id) model.idempotency.set(task.idempotencyHash, { print: ERASED, id: task.id });
  }
  model.tasks.delete(task.id);
  return ["erased"];
}
