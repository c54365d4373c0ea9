import type { AcceptAnswer, AcceptCommand } from "../../ports/commands/task.ts";
import type { RequestContext } from "../../ports/dependencies.ts";
import type { BatchStore } from "../../ports/stores/batch-store.ts";
import type { SubmitStore } from "../../ports/stores/task-store.ts";
import type { Scope } from "../../projects/caller.ts";
import { denied, isDenied } from "../../projects/denied.ts";
import { type Client, system } from "../../projects/principal.ts";
import { type PublishParts, publishAll } from "../../scheduling/publish.ts";
import { ApiError } from "../../shared/problems.ts";
import { continued, inSpan } from "../../shared/trace/tracing.ts";
import { type BatchParts, settleBatch } from "../batch/complete-batch.ts";
import { type BatchWish, judgeBatch, type OpenBatchParts, openBatch } from "../batch/open-batch.ts";
import { type FoundTask, getTasks, type ReadParts } from "../read/get-task.ts";
import { prepare, type Submit, type SubmitParts } from "./prepare-task.ts";
import { type Accepted, firstRun, settle } from "./submit-task.ts";

/** The parts that accepting a batch uses. */
type SubmitBatchParts = PublishParts &
  ReadParts &
  SubmitParts &
  OpenBatchParts &
  BatchParts &
  Pick<RequestContext, "background"> & { readonly store: BatchStore & SubmitStore };

/** One outcome per item; and the id of the batch, where it has one. */
export interface BatchOutcome {
  readonly outcomes: readonly (Accepted | ApiError)[];
  readonly batch?: string;
}

/**
 * Accepts many tasks in one Redis request, each on its own, in order; all runs are published in one request. Items
 * whose idempotency key was used before, in this batch too, are read in one more request.
 *
 * @param items each as the client asks for it, or why it was refused before
 * @param parent the trace that all of them continue
 * @param wish what is asked of the batch as a whole; undefined: nothing
 * @throws ApiError when the key may not submit, or the batch as a whole is refused
 */
export function acceptBatch(
  ctx: SubmitBatchParts,
  caller: Client,
  items: readonly (Submit | ApiError)[],
  parent: string | undefined,
  wish?: BatchWish,
): Promise<BatchOutcome> {
  if (wish) judgeBatch(ctx, wish);
  return inSpan("submit batch", { kind: "producer", parent: continued(parent) }, (trace) =>
    acceptAll(
      ctx,
      caller,
      items.map((item) => (item instanceof ApiError || trace === undefined ? item : { ...item, trace })),
      wish,
      trace ?? parent,
    ),
  );
}

async function acceptAll(
  ctx: SubmitBatchParts,
  caller: Client,
  items: readonly (Submit | ApiError)[],
  wish: BatchWish | undefined,
  trace: string | undefined,
): Promise<BatchOutcome> {
  const judged = await Promise.all(
    items.map((item) => (item instanceof ApiError ? item : refusedOr(() => prepare(ctx, caller, item)))),
  );
  const acceptable = judged.flatMap((item) => (item instanceof ApiError ? [] : [item]));
  const batch =
    wish && acceptable.length > 0 ? await openBatch(ctx, caller, wish, acceptable, trace) : undefined;
  const prepared = judged.map((item) =>
    item instanceof ApiError || batch === undefined ? item : { ...item, task: { ...item.task, batch } },
  );
  const commands = prepared.flatMap((item) => (item instanceof ApiError ? [] : [item]));
  const answers = new Map<AcceptCommand, AcceptAnswer>();
  for (const [index, answer] of (await ctx.store.acceptAll(commands)).entries()) {
    const command = commands[index];
    const isOneItems = answer.kind === "forbidden" && command?.scope !== undefined;
    if (!isOneItems && isDenied(answer)) throw denied(answer, "tasks:write");
    if (command) answers.set(command, answer);
  }
  const known = await lookReplayed(ctx, caller, [...answers.values()]);
  const outcomes = await Promise.all(
    prepared.map((item) =>
      item instanceof ApiError ? item : refusedOr(() => outcomeOf(answers.get(item), known, item.scope)),
    ),
  );
  const fresh = outcomes.flatMap((outcome) =>
    outcome instanceof ApiError || outcome.replayed ? [] : [outcome],
  );
  ctx.background.waitUntil(
    Promise.all(fresh.map((accepted) => firstRun(ctx, accepted))).then((messages) =>
      publishAll(ctx, messages),
    ),
  );
  if (batch === undefined) return { outcomes };
  const { idempotency } = wish ?? {};
  const keep = outcomes.some((outcome) => !(outcome instanceof ApiError));
  const settling = settleBatch(
    ctx,
    caller.project,
    { id: batch, ...(idempotency && { idempotencyHash: idempotency.hash }) },
    keep,
  );
  // A refusal holds no idempotency key: the batch is gone before the answer.
  if (!keep) await settling;
  else ctx.background.waitUntil(settling);
  return { outcomes, ...(keep && { batch }) };
}

function outcomeOf(
  answer: AcceptAnswer | undefined,
  known: ReadonlyMap<string, FoundTask>,
  scope: Scope | undefined,
): Accepted {
  if (!answer) throw new Error("acceptAll answered too little");
  if (answer.kind !== "replayed") return settle(answer, scope);
  const found = known.get(answer.id);
  if (!found) throw new ApiError("not-found", `There is no task "${answer.id}" in this project now.`);
  return { ...found, replayed: true };
}

async function lookReplayed(
  ctx: SubmitBatchParts,
  caller: Client,
  answers: readonly AcceptAnswer[],
): Promise<ReadonlyMap<string, FoundTask>> {
  const ids = new Set(answers.flatMap((answer) => (answer.kind === "replayed" ? [answer.id] : [])));
  const found = await getTasks(ctx, system(caller.project), [...ids]);
  return new Map(found.map((one) => [one.record.id, one]));
}

async function refusedOr<T>(work: () => T | Promise<T>): Promise<T | ApiError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}
