import { ERASED } from "../../../src/adapters/redis/keys.ts";
import { isClosed } from "./batch-steps.ts";
import { type Answer, IMMEDIATE_LEASE, MAX_ATTEMPTS, MAX_OPEN, type Of } from "./operations.ts";
import type { Model, TaskModel } from "./state.ts";

import { lease, lookFor } from "./task-steps.ts";

/** The answer to a submit of a known key or id; undefined for a new one. */
function knownSubmit(model: Model, op: Of<"accept">): Answer | undefined {
  const known = op.idempotency && model.idempotency.get(op.idempotency.hash);
  if (known?.print === ERASED) return ["erased", known.id];
  if (!known && model.erased.has(op.id)) return ["erased", op.id];
  if (known && known.id !== op.id) {
    return [known.print === op.idempotency?.fingerprint ? "replayed" : "reused", known.id];
  }
  const present = model.tasks.get(op.id);
  if (present) {
    const isHolder = op.lease !== undefined && present.status === "running" && present.lease === op.lease;
    return [isHolder ? "begun" : "accepted", op.id];
  }
  return undefined;
}

export function accept(model: Model, op: Of<"accept">): Answer {
  const { now } = model;
  const before = knownSubmit(model, op);
  if (before) return before;
  if (op.batch !== undefined && isClosed(model, op.batch)) return ["batch-closed"];
  const quota = model.quota ?? MAX_OPEN;
  if (model.open >= quota) return ["quota", quota];
  if (op.batch !== undefined) model.batches.get(op.batch)?.tasks.set(op.id, undefined);
  const start = now + op.delay;
  const due = Math.min(lookFor(start, now), start + op.deadline);
  const task: TaskModel = {
    id: op.id,
    idempotencyHash: op.idempotency?.hash,
    batch: op.batch,
    largeInput: op.largeInput,
    maxAttempts: MAX_ATTEMPTS,
    status: "queued",
    run: 1,
    sequence: 1,
    attempt: 0,
    crashes: 0,
    nextAt: start,
    deadlineAt: start + op.deadline,
    lease: "",
    leaseUntil: 0,
    parked: false,
    heartbeat: 0,
    heartbeatBy: 0,
    progress: undefined,
    endedAt: undefined,
    resultExpiresAt: undefined,
    deliveries: [],
    pastDeliveries: [],
    endNonce: "",
    replayNonce: "",
    calls: undefined,
    due,
    sweeps: undefined,
  };
  model.tasks.set(op.id, task);
  const begins = op.lease !== undefined && !model.config.paused;
  if (op.lease !== undefined && begins) {
    Object.assign(task, { status: "running", sequence: 2, attempt: 1 });
    lease(task, op.lease, now, IMMEDIATE_LEASE);
  }
  if (op.idempotency) {
    model.idempotency.set(op.idempotency.hash, { print: op.idempotency.fingerprint, id: op.id });
  }
  model.open += 1;
  return [begins ? "begun" : "accepted", op.id];
}
