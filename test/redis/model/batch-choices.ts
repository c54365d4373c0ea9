import { makeId } from "../../../src/shared/id.ts";
import { type Choice, fresh, one } from "./picking.ts";

/* What is done with batches. Few are open at a time, so that tasks often meet in one. */

/** A client opens a batch, or sends the same request again. */
export const openBatch: Choice = ([a, b], _model, { batches }) => {
  const before = b % 3 === 0 || batches.size > 2 ? one([...batches.keys()], a) : undefined;
  const id = makeId("batch", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8)));
  return { kind: "openBatch", id: before ?? id };
};

/** All tasks were accepted; or the sweep looks after it, and reads those that have not ended. */
export const settle: Choice = ([a, b], _model, { batches }) => {
  const record = one([...batches.values()], a);
  if (!record) return undefined;
  const open = record.tasks.flatMap((task) => (task.ended === undefined ? [task.id] : []));
  return { kind: "settle", batch: record.id, tasks: b % 2 === 0 ? open : [], keep: b % 3 === 0 };
};

export const completeBatch: Choice = ([a, b], { now, config }, { batches }) => {
  const all = [...batches.values()];
  const ready = all.filter(({ status, tasks }) => status === "open" && tasks.every((task) => task.ended));
  const record = one(b % 4 === 3 || ready.length === 0 ? all : ready, a);
  if (!record) return undefined;
  const configVersion = b % 8 === 6 ? config.version - 1 : config.version;
  return { kind: "complete", record, completedAt: Math.floor(now), configVersion, nonce: fresh() };
};
