import { system } from "../../../src/projects/principal.ts";
import type { TaskRecord } from "../../../src/tasks/record.ts";
import { RESULT_TTL } from "./operations.ts";
import { type Choice, fresh } from "./picking.ts";

/* What is done with many tasks at once: each on its own, as it was read. */

/** Up to five of the tasks that were read last, each once. */
function some(n: number, m: number, tasks: ReadonlyMap<string, TaskRecord>): readonly TaskRecord[] {
  const all = [...tasks.values()];
  const from = n % Math.max(1, all.length);
  return all.slice(from, from + 1 + (m % 5));
}

export const cancelMany: Choice = ([a, b], { now }, { tasks }) => {
  const records = some(a, b, tasks);
  if (records.length === 0) return undefined;
  return {
    kind: "endMany",
    ends: records.map((record) => ({
      kind: "end",
      record,
      authority: { by: "sequence", sequence: record.sequence, caller: system(record.project) },
      outcome: { kind: "canceled", endedAt: now, resultTtl: RESULT_TTL, deliveries: [] },
      nonce: fresh(),
    })),
  };
};

export const replayMany: Choice = ([a, b], _model, { tasks }) => {
  const records = some(a, b, tasks);
  if (records.length === 0) return undefined;
  return {
    kind: "replayMany",
    replays: records.map((record) => ({ kind: "replay", record, nonce: fresh() })),
  };
};
