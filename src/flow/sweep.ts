import { SWEEP_BATCH } from "../domain/limits.ts";
import type { Invocation } from "./parts.ts";
import { type QueueMessage, QueueUnavailable } from "./ports.ts";
import { publish } from "./publish.ts";
import { giveUp } from "./run.ts";
import type { Caller, DueAction } from "./store.ts";

/** Steps of one invocation before it chains itself, and how long it may go on, in milliseconds. */
const STEPS = 20;
const BUDGET = 20_000;

/** Takes what is due and has not come back, publishes it again, ends what ran out; chains itself when there is more. */
export async function sweep(inv: Invocation): Promise<void> {
  const startedAt = inv.clock();
  let steps = 0;
  for (let partition = 0; partition < inv.settings.partitions; partition++) {
    for (;;) {
      const more = await step(inv, partition);
      steps += 1;
      if (!more) break;
      if (steps >= STEPS || inv.clock() - startedAt > BUDGET) {
        await publish(inv, { kind: "sweep", body: { v: 1 }, delay: 0 });
        return;
      }
    }
  }
}

/** One batch of due entries; true when there may be more. */
async function step(inv: Invocation, partition: number): Promise<boolean> {
  const members = await inv.store.take(partition);
  if (members.length === 0) return false;
  const actions = await inv.store.inspect(partition, members, crypto.randomUUID());
  const messages = actions.flatMap(messageOf);
  if (messages.length > 0) await publishAll(inv, messages);
  for (const action of actions) {
    if (action.kind === "expired" || action.kind === "exhausted") await endTask(inv, action);
  }
  inv.log("info", "swept", { partition, due: members.length, published: messages.length });
  return members.length === SWEEP_BATCH;
}

function messageOf(action: DueAction): QueueMessage[] {
  switch (action.kind) {
    case "run": {
      const { project, task, run, attempt, delay } = action;
      return [{ kind: "run", body: { v: 1, project, task, run, attempt }, delay }];
    }
    case "deliver": {
      const { project, delivery, attempt, delay } = action;
      return [{ kind: "deliver", body: { v: 1, project, delivery, attempt }, delay }];
    }
    default:
      return [];
  }
}

async function publishAll(inv: Invocation, messages: readonly QueueMessage[]): Promise<void> {
  try {
    await inv.queue.publishAll(messages);
  } catch (error) {
    if (!(error instanceof QueueUnavailable)) throw error;
    inv.log("warn", "publish-failed", { kind: "batch", count: messages.length, reason: error.message });
  }
}

async function endTask(
  inv: Invocation,
  action: Extract<DueAction, { kind: "expired" | "exhausted" }>,
): Promise<void> {
  const sweeper: Caller = { project: action.project, key: "", hash: "" };
  const [task, config] = await Promise.all([
    inv.store.readTask(sweeper, action.task),
    inv.store.readConfig(sweeper, "admin"),
  ]);
  if (task.kind !== "found") return;
  const stored = config.kind === "found" ? config.config : { version: 0, json: "{}" };
  await giveUp(inv, { kind: action.kind, record: task.record, config: stored, now: task.now }, "sweep");
}
