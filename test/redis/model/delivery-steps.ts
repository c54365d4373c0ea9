import { type Answer, DELIVERY_DELAY, DELIVERY_LEASE, type Of } from "./operations.ts";
import type { BatchModel, DeliveryModel, Model, Poison, TaskModel } from "./state.ts";

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
const HORIZON = 3_600 * SECOND;
const GRACE = 30 * SECOND;
const AFTER_LEASE = 2 * SECOND;
const BACKOFF_LIMIT = 3_600 * SECOND;
const CRASHES = 3;

export function begin(model: Model, op: Of<"begin">): Answer {
  const { now } = model;
  const delivery = model.deliveries.get(op.delivery);
  if (!delivery) return ["gone"];
  if (delivery.status !== "pending") return ["closed"];
  const begun = (): Answer => ["begun", delivery.attempt, delivery.crashes];
  if (delivery.lease === op.lease) return begun();
  if (delivery.leaseUntil > now) return ["busy"];
  const lapsed = delivery.lease !== "";
  if (op.attempt !== delivery.attempt + (lapsed ? 0 : 1)) return ["stale"];
  if (!lapsed && delivery.nextAt > now + SECOND) return ["early"];
  delivery.crashes = lapsed ? delivery.crashes + 1 : 0;
  Object.assign(delivery, { attempt: op.attempt, lease: op.lease, sweeps: undefined });
  delivery.leaseUntil = now + DELIVERY_LEASE;
  delivery.due = now + DELIVERY_LEASE + AFTER_LEASE;
  return begun();
}

export function record(model: Model, op: Of<"record">): Answer {
  const delivery = model.deliveries.get(op.delivery);
  if (!delivery) return ["gone"];
  if (delivery.recordNonce === op.nonce) return ["recorded"];
  const holds = delivery.status === "pending" && delivery.lease === op.lease;
  if (!holds || delivery.attempt !== op.attempt) return ["stale"];
  Object.assign(delivery, { lease: "", leaseUntil: 0, crashes: 0, sweeps: undefined, recordNonce: op.nonce });
  delivery.recorded.push(op.attempt);
  if (op.outcome === "retry") {
    delivery.nextAt = model.now + DELIVERY_DELAY;
    delivery.due = delivery.nextAt + GRACE;
    return ["recorded"];
  }
  Object.assign(delivery, { status: op.outcome, endedAt: op.at, due: undefined });
  if (op.outcome === "dead") model.deadLetters.set(delivery.id, Math.floor(op.at / DAY));
  return ["recorded"];
}

export function redeliver(model: Model, op: Of<"redeliver">): Answer {
  const delivery = model.deliveries.get(op.delivery);
  if (!delivery) return ["missing"];
  const found = (): Answer => ["found", delivery.attempt, delivery.base];
  if (delivery.redeliverNonce === op.nonce) return found();
  if (delivery.status === "pending") return ["pending"];
  if (delivery.endedAt !== op.endedAt) return ["changed"];
  Object.assign(delivery, {
    status: "pending",
    base: delivery.attempt,
    nextAt: model.now,
    endedAt: undefined,
  });
  Object.assign(delivery, { lease: "", leaseUntil: 0, crashes: 0, sweeps: undefined });
  delivery.redeliverNonce = op.nonce;
  delivery.due = model.now + GRACE;
  if (model.deadLetters.get(delivery.id) === Math.floor(op.endedAt / DAY))
    model.deadLetters.delete(delivery.id);
  return found();
}

/**
 * What each member of the due set needs, and when somebody looks at it next. What is no longer due another sweep has
 * looked at: it is left alone, but for the answer to the very same call. An entry that cannot be understood is put off as
 * far as any, and holds up none.
 */
export function inspect(model: Model, op: Of<"inspect">): Answer {
  return op.members.flatMap((member) => {
    const [, , id = ""] = member.split("|");
    const poison = model.poisons.get(id);
    if (poison) return inspectPoison(model.now, poison);
    const batch = model.batches.get(id);
    const one = model.tasks.get(id) ?? model.deliveries.get(id) ?? batch;
    if (one?.due !== undefined && one.due > model.now && one.sweeps?.nonce !== op.nonce) return ["none"];
    const task = model.tasks.get(id);
    const delivery = model.deliveries.get(id);
    if (batch?.due !== undefined) {
      lookAgain(batch, model.now, op.nonce, 0, model.now);
      return ["batch"];
    }
    if (task && task.due !== undefined) return inspectTask(model.now, task, op.nonce);
    return delivery && delivery.due !== undefined ? inspectDelivery(model.now, delivery, op.nonce) : ["none"];
  });
}

/** What lies under its key tells nobody when it was looked at: each look finds it broken, and puts it off. */
function inspectPoison(now: number, poison: Poison): Answer {
  if (poison.by === "name" && poison.due > now) return ["none"];
  poison.due = now + BACKOFF_LIMIT;
  return ["broken"];
}

/** The n-th look in a row that finds nothing moved waits 2ⁿ times as long; a repeated nonce counts once. */
function lookAgain(
  one: TaskModel | DeliveryModel | BatchModel,
  from: number,
  nonce: string,
  deadline = 0,
  now = 0,
): void {
  const before = one.sweeps;
  const count = before === undefined ? 0 : before.count + (before.nonce === nonce ? 0 : 1);
  one.sweeps = { count, nonce };
  look(one, Math.max(now, from) + Math.min(BACKOFF_LIMIT, GRACE * 2 ** count), deadline, now);
}

function look(one: TaskModel | DeliveryModel | BatchModel, at: number, deadline: number, now: number): void {
  one.due = deadline > now ? Math.min(at, deadline) : at;
}

function inspectTask(now: number, task: TaskModel, nonce: string): Answer {
  const { deadlineAt } = task;
  const again = (from: number) => lookAgain(task, from, nonce, deadlineAt, now);
  /** An end that is lost is repeated soon: the pause grows with the time since it was due, not with the looks. */
  const ending = (since: number) => {
    task.sweeps = { count: task.sweeps?.count ?? 0, nonce };
    look(task, now + Math.min(BACKOFF_LIMIT, Math.max(GRACE, now - since)), deadlineAt, now);
  };
  if (now >= deadlineAt) {
    ending(deadlineAt);
    return ["expired"];
  }
  if (task.status === "running") {
    if (task.leaseUntil > now) {
      look(task, task.leaseUntil + AFTER_LEASE, deadlineAt, now);
      return ["none"];
    }
    if (task.crashes >= CRASHES) {
      ending(task.leaseUntil);
      return ["exhausted"];
    }
    again(now);
    return ["run", task.run, task.attempt];
  }
  if (task.status === "waiting") {
    if (task.heartbeatBy !== 0 && task.heartbeatBy <= now) {
      ending(task.heartbeatBy);
      return ["silent"];
    }
    look(task, task.heartbeatBy || deadlineAt, deadlineAt, now);
    return ["none"];
  }
  if (task.parked) {
    look(task, deadlineAt, deadlineAt, now);
    return ["none"];
  }
  if (task.nextAt - now > HORIZON) {
    look(task, task.nextAt - HORIZON, deadlineAt, now);
    return ["none"];
  }
  again(task.nextAt);
  return ["run", task.run, task.attempt + 1];
}

function inspectDelivery(now: number, delivery: DeliveryModel, nonce: string): Answer {
  if (delivery.leaseUntil > now) {
    look(delivery, delivery.leaseUntil + AFTER_LEASE, 0, now);
    return ["none"];
  }
  const lapsed = delivery.lease !== "";
  const next = lapsed ? now : delivery.nextAt;
  lookAgain(delivery, next, nonce, 0, now);
  return ["deliver", lapsed ? delivery.attempt : delivery.attempt + 1];
}
