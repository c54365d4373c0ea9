import type { TerminalStatus } from "../../../src/tasks/status.ts";
import type { Answer, Of } from "./operations.ts";
import type { BatchModel, Model } from "./state.ts";

const MINUTE = 60_000;
const GRACE = 5 * MINUTE;
const LOOK = 60 * MINUTE;

export function openBatch(model: Model, op: Of<"openBatch">): Answer {
  const batch = model.batches.get(op.id);
  if (!batch) {
    model.batches.set(op.id, {
      id: op.id,
      status: "opening",
      tasks: new Map(),
      completeNonce: "",
      due: model.now + GRACE,
      sweeps: undefined,
    });
  } else if (batch.status !== "completed") {
    Object.assign(batch, { status: "opening", due: model.now + GRACE });
  }
  return ["opened"];
}

/** Whether a batch takes no task any more. */
export function isClosed(model: Model, id: string): boolean {
  return (model.batches.get(id)?.status ?? "completed") === "completed";
}

export function settle(model: Model, op: Of<"settle">): Answer {
  const batch = model.batches.get(op.batch);
  if (!batch) return ["gone"];
  if (batch.status === "completed") return ["completed"];
  if (batch.tasks.size === 0 && !op.keep) {
    model.batches.delete(op.batch);
    return ["dropped"];
  }
  const isDone = hasEnded(batch);
  Object.assign(batch, { status: "open", due: isDone ? model.now : model.now + LOOK });
  return [isDone ? "due" : "open"];
}

/** The first end of a task counts; says whether the batch is complete. */
export function count(model: Model, id: string | undefined, task: string, to: TerminalStatus): boolean {
  const batch = id === undefined ? undefined : model.batches.get(id);
  if (!batch) return false;
  if (batch.tasks.has(task) && batch.tasks.get(task) === undefined) batch.tasks.set(task, to);
  const isDone = isComplete(batch);
  if (isDone) batch.due = model.now;
  return isDone;
}

export function isComplete(batch: BatchModel | undefined): boolean {
  return batch?.status === "open" && hasEnded(batch);
}

function hasEnded({ tasks }: BatchModel): boolean {
  return [...tasks.values()].every((ended) => ended !== undefined);
}

export function complete(model: Model, op: Of<"complete">): Answer {
  const batch = model.batches.get(op.record.id);
  if (!batch) return ["gone"];
  if (batch.completeNonce === op.nonce) return ["completed"];
  if (batch.status === "completed") return ["already"];
  if (!isComplete(batch) || batch.tasks.size !== op.record.tasks.length) return ["changed"];
  if (op.configVersion !== model.config.version) return ["config-changed"];
  Object.assign(batch, { status: "completed", completeNonce: op.nonce, due: undefined });
  return ["completed"];
}
