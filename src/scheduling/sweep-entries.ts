import { firstMessages } from "../deliveries/first-attempts.ts";
import type { RequestContext } from "../ports/dependencies.ts";
import { type QueueMessage, QueueUnavailable } from "../ports/ports.ts";
import type { DueAction, GivenMessage } from "../ports/sweep-commands.ts";
import { recall } from "../services/call-service.ts";
import { repeatPoll } from "../services/poll-service.ts";
import { errorText } from "../shared/error-text.ts";
import { redisTime } from "../shared/time/redis-clock.ts";
import { abandon } from "../tasks/run/fail-attempt.ts";
import { deliverMessage, runMessage } from "./flow-control.ts";
import { publishAll } from "./publish.ts";

/** Requests under way at a time: Workers allow six connections. */
const SIDE_BY_SIDE = 4;

export type Sending = Extract<DueAction, { kind: "run" | "deliver" }>;
export type Ending = Extract<DueAction, { kind: "expired" | "exhausted" | "silent" }>;

/** What has to be done for a member of the due set. */
export interface Entry<Action> {
  readonly member: string;
  readonly action: Action;
}

/** Publishes what does not wait in the queue any more, and notes what it was given; says how many. */
export async function sendAgain(ctx: RequestContext, entries: readonly Entry<Sending>[]): Promise<number> {
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

/** One message too many does no harm, one too few does: what the queue cannot tell is published. */
async function isWaiting(ctx: RequestContext, message: string): Promise<boolean> {
  try {
    return await ctx.queue.waits(message);
  } catch (error) {
    if (!(error instanceof QueueUnavailable)) throw error;
    return false;
  }
}

function messageOf(ctx: RequestContext, action: Sending): Promise<QueueMessage> {
  const { kind, project, attempt, delay } = action;
  if (kind === "run") return runMessage(ctx, { ...action, id: action.task }, attempt, delay);
  const body = { v: 1, project, delivery: action.delivery, attempt } as const;
  return Promise.resolve(deliverMessage(ctx, body, delay, action));
}

function noteOf(action: Sending, message: string): GivenMessage {
  const { kind, project, attempt } = action;
  if (kind === "run") return { project, attempt, message, task: action.task, run: action.run };
  return { project, attempt, message, delivery: action.delivery };
}

/** Ends what ran out and publishes what that opens, so that no receiver is waited for; says how many. */
export async function endAll(ctx: RequestContext, entries: readonly Entry<Ending>[]): Promise<number> {
  const ended = await each(ctx, entries, (action) => end(ctx, action));
  await publishAll(ctx, ended.flat());
  return ended.length;
}

async function end(
  ctx: RequestContext,
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

/** A few side by side; one that fails is logged, and holds up no other. */
async function each<Action, Result>(
  ctx: RequestContext,
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
