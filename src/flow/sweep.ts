import { SWEEP_BATCH } from "../domain/limits.ts";
import { recall } from "./call.ts";
import { type Abandonment, abandon, internalCaller } from "./fail.ts";
import { deliverMessage, runMessage } from "./fair-use.ts";
import { sendFirstAttempts } from "./first-attempts.ts";
import type { Invocation } from "./parts.ts";
import { repeatPoll } from "./poll.ts";
import type { QueueMessage } from "./ports.ts";
import { publish, publishAll } from "./publish.ts";
import { resealSome } from "./reseal.ts";
import type { DueAction } from "./task-commands.ts";
import { redisTime } from "./time.ts";

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
  await resealSome(inv);
}

/** One batch of due entries; true when there may be more. */
async function step(inv: Invocation, partition: number): Promise<boolean> {
  const members = await inv.store.take(partition);
  if (members.length === 0) return false;
  const actions = await inv.store.inspect(partition, members, crypto.randomUUID());
  const messages = (await Promise.all(actions.map((action) => messageOf(inv, action)))).flat();
  if (messages.length > 0) await publishAll(inv, messages);
  for (const action of actions) {
    if ("task" in action && action.kind !== "run") await endTask(inv, action);
  }
  inv.log("info", "swept", { partition, due: members.length, published: messages.length });
  return members.length === SWEEP_BATCH;
}

async function messageOf(inv: Invocation, action: DueAction): Promise<QueueMessage[]> {
  switch (action.kind) {
    case "run":
      return [await runMessage(inv, { ...action, id: action.task }, action.attempt, action.delay)];
    case "deliver": {
      const { project, delivery, attempt, delay } = action;
      return [deliverMessage(inv, { v: 1, project, delivery, attempt }, delay, action)];
    }
    default:
      return [];
  }
}

async function endTask(
  inv: Invocation,
  { kind, project, task }: Extract<DueAction, { kind: Abandonment }>,
): Promise<void> {
  const sweeper = internalCaller(project);
  const [found, config] = await Promise.all([
    inv.store.readTask(sweeper, task),
    inv.store.readConfig(sweeper, "admin"),
  ]);
  if (found.kind !== "found") return;
  const { record, now } = found;
  // The bearer has reported between the two looks.
  if (kind === "silent" && (record.heartbeatBy ?? now) > now) return;
  if (kind === "silent" && record.poll) return repeatPoll(inv, record);
  const stored = config.kind === "found" ? config.config : { version: 0, json: "{}" };
  const abandoned = await abandon(
    inv,
    { kind, record, config: stored, time: redisTime(now, inv.clock) },
    "sweep",
  );
  await Promise.all([sendFirstAttempts(inv, record, abandoned), recall(inv, record)]);
}
