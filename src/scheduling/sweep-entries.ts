import { type FirstAttemptParts, firstMessages } from "../deliveries/first-attempts.ts";
import type { DueAction, GivenMessage } from "../ports/commands/sweep.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import { QueueUnavailable } from "../ports/errors.ts";
import type { QueueMessage, WaitingMessages } from "../ports/queue.ts";
import type { DueStore } from "../ports/stores/due-store.ts";
import { type CallParts, recall } from "../services/call-service.ts";
import { type PollParts, repeatPoll } from "../services/poll-service.ts";
import { errorText } from "../shared/log/error-text.ts";
import { redisTime } from "../shared/time/redis-clock.ts";
import { mendBatch } from "../tasks/batch/complete-batch.ts";
import { abandon, type FailParts } from "../tasks/run/fail-attempt.ts";
import { deliverMessage, type FlowParts, runMessage } from "./flow-control.ts";
import { type PublishParts, publishAll } from "./publish.ts";

/** The parts that the entries of a sweep use. */
export type SweepEntryParts = FirstAttemptParts &
  FlowParts &
  PublishParts &
  CallParts &
  PollParts &
  FailParts &
  Pick<Dependencies, "clock" | "log"> & { readonly store: DueStore; readonly queue: WaitingMessages };

/** Requests under way at a time: Workers allow six connections. */
const SIDE_BY_SIDE = 4;

export type Sending = Extract<DueAction, { kind: "run" | "deliver" }>;
export type Ending = Extract<DueAction, { kind: "expired" | "exhausted" | "silent" }>;

export type Mending = Extract<DueAction, { kind: "batch" }>;

/** The work for a member of the due set. */
export interface Entry<Action> {
  readonly member: string;
  readonly action: Action;
}

/** Publishes messages that the queue no longer holds, and notes them; says how many. */
export async function sendAgain(ctx: SweepEntryParts, entries: readonly Entry<Sending>[]): Promise<number> {
  const sendings = await each(ctx, entries, async (action) => {
    if (action.given !== undefined && (await isWaiting(ctx, action.given))) return undefined;
    return { action, message: await messageOf(ctx, action) };
  });
  const messages = sendings.map(({ message }) => message);
  const taken = await publishAll(ctx, messages);
  const given = sendings.flatMap(({ action, message }): GivenMessage[] => {
    const id = taken.get(message);
    return id === undefined ? [] : [noteOf(action, id)];
  });
  if (given.length > 0) await ctx.store.given(given);
  return taken.size;
}

/**
 * One message too many does no harm, a missing one does: a message is published when the queue cannot report its state.
 */
async function isWaiting(ctx: SweepEntryParts, message: string): Promise<boolean> {
  try {
    return await ctx.queue.waits(message);
  } catch (error) {
    if (!(error instanceof QueueUnavailable)) throw error;
    return false;
  }
}

function messageOf(ctx: SweepEntryParts, action: Sending): Promise<QueueMessage> {
  const { kind, project, attempt, delay } = action;
  if (kind === "run") return runMessage(ctx, { ...action, id: action.task }, attempt, delay);
  const body = { v: 1, project, delivery: action.delivery, attempt } as const;
  return Promise.resolve(deliverMessage(ctx, body, delay, action));
}

function noteOf(action: Sending, message: string): GivenMessage {
  const { kind, project, attempt } = action;
  if (kind === "run") return { kind, project, attempt, message, task: action.task, run: action.run };
  return { kind, project, attempt, message, delivery: action.delivery };
}

/**
 * Ends lapsed attempts and tasks, and publishes the deliveries that this opens, without waiting for receivers; says how
 * many.
 */
export async function endAll(ctx: SweepEntryParts, entries: readonly Entry<Ending>[]): Promise<number> {
  const ended = await each(ctx, entries, (action) => end(ctx, action));
  await publishAll(ctx, ended.flat());
  return ended.length;
}

async function end(
  ctx: SweepEntryParts,
  { kind, record, config, now }: Ending,
): Promise<readonly QueueMessage[]> {
  if (kind === "silent" && record.poll) {
    await repeatPoll(ctx, record);
    return [];
  }
  const held = { kind, record, config, time: redisTime(now, ctx.clock) };
  const abandoned = await abandon(ctx, held, "sweep");
  await recall(ctx, record);
  return firstMessages(ctx, record, abandoned);
}

/** Looks after batches: completes those whose tasks have all ended. */
export async function mendBatches(ctx: SweepEntryParts, entries: readonly Entry<Mending>[]): Promise<void> {
  await each(ctx, entries, ({ record }) => mendBatch(ctx, record));
}

/** A few at the same time; a failed one is logged, and stops no other. */
async function each<Action, Result>(
  ctx: SweepEntryParts,
  entries: readonly Entry<Action>[],
  work: (action: Action) => Promise<Result | undefined>,
): Promise<readonly Result[]> {
  const waiting = [...entries];
  const results: Result[] = [];
  const worker = async (): Promise<void> => {
    for (let entry = waiting.shift(); entry; entry = waiting.shift()) {
      try {
        const result = await work(entry.action);
        if (result !== undefined) results.push(result);
      } catch (error) {
        ctx.log("error", "sweep-entry-failed", { member: entry.member, error: errorText(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  return results;
}
