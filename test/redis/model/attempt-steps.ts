import { type Answer, CALL_LENGTH, MAX_ATTEMPTS, type Of } from "./operations.ts";
import { isOpen, type Model, type TaskModel } from "./state.ts";
import { openDeliveries } from "./task-steps.ts";

/* What happens to an attempt beside its claim and its end. */

const AFTER_LEASE = 2_000;

/** The queue calls a service: the attempt begins when it has not, and is given as long as the call may take. */
export function published(model: Model, op: Of<"published">): Answer {
  const { now } = model;
  const task = model.tasks.get(op.id);
  if (!task) return ["gone"];
  if (task.run !== op.run) return ["stale"];
  if (!isOpen(task)) return ["already", ...task.deliveries];
  const told = (): Answer => ["published", task.attempt, task.sequence];
  const calls = callsOf(task, op);
  const known = calls.includes(op.message);
  let until = now + CALL_LENGTH;
  if (task.status === "queued") {
    const next = op.attempt === task.attempt + 1 && op.attempt <= MAX_ATTEMPTS;
    if (!next || now >= task.deadlineAt) return ["stale"];
    Object.assign(task, { status: "running", attempt: op.attempt });
    task.sequence += 1;
  } else if (task.attempt !== op.attempt) return ["stale"];
  else if (task.status === "waiting" || (known && !op.held)) return told();
  else until = Math.max(until, task.leaseUntil);
  if (op.held) task.crashes = 0;
  if (!known) task.calls = { run: op.run, attempt: op.attempt, messages: [...calls, op.message] };
  Object.assign(task, { leaseUntil: until, sweeps: undefined });
  task.due = Math.min(until + AFTER_LEASE, task.deadlineAt);
  return told();
}

function callsOf({ calls }: TaskModel, { run, attempt }: Of<"published">): readonly string[] {
  return calls?.run === run && calls.attempt === attempt ? calls.messages : [];
}

/** The holder of the lease opens the deliveries of its attempt's start, once. */
export function announce(model: Model, op: Of<"announce">): Answer {
  const task = model.tasks.get(op.record.id);
  const present = task?.run === op.record.run && task.attempt === op.record.attempt;
  if (!task || !present || task.status !== "running" || task.lease !== op.lease) return ["stale"];
  const [first] = op.deliveries;
  if (op.deliveries.some(({ id }) => task.deliveries.includes(id))) {
    const mine = first?.lease !== undefined && model.deliveries.get(first.id)?.lease === first.lease.id;
    return [mine ? "opened" : "known"];
  }
  openDeliveries(model, task, op.deliveries);
  return ["opened"];
}
