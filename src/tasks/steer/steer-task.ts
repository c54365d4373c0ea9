import { isId } from "../../shared/id.ts";
import { TASK_CHANGES, TASK_DELIVERIES } from "../../shared/limits.ts";
import { Refusal, undecryptable } from "../../shared/problems.ts";
import type { TaskRecord } from "../record.ts";
import { isTerminal, type TaskStatus } from "../status.ts";
import { recall } from "../../services/call-service.ts";
import type { Caller, StoredConfig } from "../../projects/caller.ts";
import { eraseRest } from "../../scheduling/chores.ts";
import { conclude } from "../run/finish-task.ts";
import { denied } from "../../projects/denied.ts";
import { internalCaller } from "../run/fail-attempt.ts";
import { runMessage } from "../../scheduling/flow-control.ts";
import { sendFirstAttempts } from "../../deliveries/first-attempts.ts";
import { type Idempotency, reused } from "../../shared/idempotency.ts";
import { type LookedUp, lookTask } from "../read/get-task.ts";
import type { Invocation } from "../../ports/dependencies.ts";
import { StoreUnavailable } from "../../ports/ports.ts";
import { publish } from "../../scheduling/publish.ts";
import { redisTime } from "../../shared/redis-clock.ts";

/** How often something that somebody else keeps moving is tried. */
const ROUNDS = 5;

/** A task after it was steered; `replayed`: the same idempotency key had steered it before. */
export type Steered = LookedUp & { readonly replayed: boolean };

/**
 * Cancels a task that has not ended. Its handler's signal aborts at the next renewal of its lease; what it brings
 * later changes nothing. A task that is canceled already stays so.
 *
 * @throws Refusal `task-already-ended` and those of the key
 */
export async function cancel(
  inv: Invocation,
  caller: Caller,
  id: string,
  idempotency?: Idempotency,
): Promise<Steered> {
  let found = await readOwn(inv, caller, id);
  for (let round = 0; round < ROUNDS; round++) {
    const { record, config, now } = found;
    const concluded = await conclude(inv, {
      record,
      config,
      authority: { by: "sequence", sequence: record.sequence },
      ending: { status: "canceled" },
      actor: "client",
      caller,
      ...(idempotency && { idempotency }),
      time: redisTime(now, inv.clock),
    });
    switch (concluded.kind) {
      case "ended":
        inv.background.waitUntil(sendFirstAttempts(inv, record, concluded));
        inv.background.waitUntil(recall(inv, record));
        return canceled(inv, caller, id, concluded.ending.status);
      case "already":
        return canceled(inv, caller, id, concluded.status);
      case "repeated": {
        const { status } = concluded.record;
        return {
          ...(await canceled(inv, caller, id, isTerminal(status) ? status : "canceled")),
          replayed: true,
        };
      }
      case "reused":
        throw reused();
      case "changed":
        found = { ...found, record: concluded.record, now: concluded.now };
        continue;
      case "stale":
        found = await readOwn(inv, caller, id);
        continue;
      case "gone":
        throw missing(id);
      case "unauthenticated":
      case "forbidden":
        throw denied(concluded, "tasks:write");
      default:
        throw new Error(`conclude answered "${concluded.kind}"`);
    }
  }
  throw restless(id);
}

async function canceled(inv: Invocation, caller: Caller, id: string, status: TaskStatus): Promise<Steered> {
  if (status !== "canceled") throw alreadyEnded(status);
  return { ...(await look(inv, caller, id)), replayed: false };
}

/**
 * Begins a new run of a task that has ended, with the same input and options.
 *
 * @throws Refusal `task-not-ended`, `input-expired`, `task-history-full`, `quota-exceeded` and those of the key
 */
export async function replay(
  inv: Invocation,
  caller: Caller,
  id: string,
  idempotency?: Idempotency,
): Promise<Steered> {
  let { record } = await readOwn(inv, caller, id);
  if (record.input.undecryptable) throw undecryptable("The task's input");
  const { maxOpen } = inv.settings;
  for (let round = 0; round < ROUNDS; round++) {
    const answer = await inv.store.replay({
      caller,
      record,
      ...(idempotency && { idempotency }),
      maxOpen,
      nonce: crypto.randomUUID(),
    });
    switch (answer.kind) {
      case "replayed":
        inv.background.waitUntil(publishRun(inv, answer.record));
        return { record: answer.record, now: answer.now, replayed: false };
      case "repeated":
        return { ...(await look(inv, caller, id)), replayed: true };
      case "changed":
        record = answer.record;
        continue;
      case "pending":
        throw notEnded(id);
      case "expired":
        throw new Refusal("input-expired", "The task's input is no longer kept: it cannot run again.");
      case "worn":
        throw new Refusal(
          "task-history-full",
          `The task's history is as long as it may be: ${TASK_CHANGES} changes of state, ${TASK_DELIVERIES} deliveries.`,
        );
      case "quota":
        throw new Refusal("quota-exceeded", `This project has ${maxOpen} tasks that have not ended.`, {
          retryAfter: 10_000,
        });
      case "reused":
        throw reused();
      case "missing":
        throw missing(id);
      case "found":
        throw new Error("replay answered as a read");
      default:
        throw denied(answer, "tasks:write");
    }
  }
  throw restless(id);
}

async function publishRun(inv: Invocation, record: TaskRecord): Promise<void> {
  await publish(inv, await runMessage(inv, record, 1, 0));
}

/**
 * Erases a task that has ended, and everything that was made for it. It is hidden at once; what is much goes in steps,
 * which the sweep finishes.
 *
 * @throws Refusal `task-not-ended` and those of the key
 */
export async function erase(inv: Invocation, caller: Caller, id: string): Promise<void> {
  let { record } = await readOwn(inv, caller, id);
  for (let round = 0; round < ROUNDS; round++) {
    const answer = await inv.store.erase({ caller, record });
    switch (answer.kind) {
      case "erased":
        return eraseParts(inv, record);
      // It was there a moment ago: this call's first sending has hidden it, or somebody else's.
      case "missing":
        return;
      case "changed":
        record = answer.record;
        continue;
      case "pending":
        throw notEnded(id);
      default:
        throw denied(answer, "tasks:write");
    }
  }
  throw restless(id);
}

/** The first part before the answer, the rest next to it. A failure costs time alone: the sweep goes on. */
async function eraseParts(inv: Invocation, { project, id }: TaskRecord): Promise<void> {
  try {
    if (await inv.store.erasePart(project, id)) inv.background.waitUntil(eraseRest(inv, project, id));
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    inv.log("warn", "erasure-put-off", { task: id, reason: error.message });
  }
}

/** Reads a task for a key that may steer it. @throws Refusal */
async function readOwn(inv: Invocation, caller: Caller, id: string) {
  if (!isId("task", id)) throw missing(id);
  const [allowed, found] = await Promise.all([
    inv.store.readConfig(caller, "tasks:write"),
    inv.store.readTask(internalCaller(caller.project), id),
  ]);
  if (allowed.kind === "unauthenticated" || allowed.kind === "forbidden")
    throw denied(allowed, "tasks:write");
  if (found.kind !== "found") throw missing(id);
  const config: StoredConfig = allowed.kind === "found" ? allowed.config : { version: 0, json: "{}" };
  return { record: found.record, now: found.now, config };
}

/** The task as it is now, for a caller whose key has been checked. */
function look(inv: Invocation, { project }: Caller, id: string): Promise<LookedUp> {
  return lookTask(inv, internalCaller(project), id, { result: true });
}

export function alreadyEnded(status: TaskStatus): Refusal {
  return new Refusal("task-already-ended", `The task has already ended: it is ${status}.`);
}

function notEnded(id: string): Refusal {
  return new Refusal("task-not-ended", `Task "${id}" has not ended: cancel it, or wait for its end.`);
}

function missing(id: string): Refusal {
  return new Refusal("not-found", `There is no task "${id}" in this project.`);
}

function restless(id: string): Error {
  return new Error(`Task ${id} kept changing while it was steered.`);
}
