import type { Dependencies } from "../ports/dependencies.ts";
import { StoreUnavailable } from "../ports/errors.ts";
import type { DueStore } from "../ports/stores/due-store.ts";
import { type ReEncryptParts, reEncryptSome } from "../projects/re-encrypt.ts";
import { fault } from "../shared/fault-point.ts";
import { SWEEP_BATCH } from "../shared/limits.ts";
import { errorText } from "../shared/log/error-text.ts";
import { doChores, type SweepChoreParts } from "./chores.ts";
import { type PublishParts, publish } from "./publish.ts";
import { type SweepBudget, sweepBudget } from "./sweep-budget.ts";
import {
  type Ending,
  type Entry,
  endAll,
  type Mending,
  mendBatches,
  type Sending,
  type SweepEntryParts,
  sendAgain,
} from "./sweep-entries.ts";

/** The parts that a sweep uses. */
type SweepParts = ReEncryptParts &
  SweepChoreParts &
  PublishParts &
  SweepEntryParts &
  Pick<Dependencies, "clock" | "log" | "settings"> & { readonly store: DueStore };

/** The most requests of a step: take, inspect, two batches for the queue, and the note of what it was given. */
const STEP_REQUESTS = 5;

/**
 * The most requests of an entry outside a batch: the question whether its message is held; or its end, the
 * next attempt's message or poll, and the recall of its calls; or a batch: read, completed, published.
 */
const ENTRY_REQUESTS = 3;

/** The most requests of a chore, and the request that takes chores. */
const CHORE_REQUESTS = 4;

/** The most requests of re-encryption: for one project, and for a step over the stored payloads. */
const RE_ENCRYPT_REQUESTS = 3;
const RE_ENCRYPT_STEP_REQUESTS = 16;

/**
 * Takes due entries whose message was lost, publishes them again, ends lapsed ones. It works within a budget that all
 * partitions share, takes no more than it can finish, and hands on the rest to another invocation. It neither waits
 * for a receiver nor decrypts a payload; an error of one entry or partition stops no other.
 *
 * @throws the error of a partition, when all others are done
 */
export async function sweep(unbounded: SweepParts): Promise<void> {
  const budget = sweepBudget(unbounded);
  const { ctx } = budget;
  const startedAt = ctx.clock();
  const failures: unknown[] = [];
  const tally: Tally = { due: 0, published: 0, ended: 0, left: 0 };
  const isDone = await sweepPartitions(budget, failures, tally);
  if (isDone)
    await guarded(failures, () =>
      reEncryptSome(ctx, budget.times(RE_ENCRYPT_REQUESTS, RE_ENCRYPT_STEP_REQUESTS)),
    );
  else await publish(ctx, { kind: "sweep", body: { v: 1 }, delay: 0 });
  const durationMs = Math.round(ctx.clock() - startedAt);
  ctx.log(tally.due > 0 ? "info" : "debug", "swept", { ...tally, handedOn: !isDone, durationMs });
  const [failure, ...others] = failures;
  for (const other of others) ctx.log("error", "sweep-failed", { error: errorText(other) });
  if (failure !== undefined) throw failure;
  await note(ctx);
}

/** How many entries were due, and what became of them. */
interface Tally {
  due: number;
  published: number;
  ended: number;
  left: number;
}

/** A full Redis refuses the note; the sweep itself is done. */
async function note({ store, log }: SweepParts): Promise<void> {
  try {
    await store.swept();
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    log("warn", "sweep-not-noted", { reason: error.message });
  }
}

/** One step of each partition after the other, until nothing is due; false when the budget was used up before. */
async function sweepPartitions(
  budget: SweepBudget<SweepParts>,
  failures: unknown[],
  tally: Tally,
): Promise<boolean> {
  const { store, settings } = budget.ctx;
  const seemDue = await store.seemDue(settings.partitions);
  let partitions = seemDue;
  while (partitions.length > 0) {
    const unfinished: number[] = [];
    for (const partition of partitions) {
      if (!budget.allows(STEP_REQUESTS + ENTRY_REQUESTS)) return false;
      await guarded(failures, async () => {
        if (await step(budget, partition, tally)) unfinished.push(partition);
      });
    }
    partitions = unfinished;
  }
  // Nobody waits for these: the rest comes up again.
  for (const partition of seemDue) {
    if (budget.allows(CHORE_REQUESTS)) {
      await guarded(failures, () => doChores(budget.ctx, partition, () => budget.allows(CHORE_REQUESTS)));
    }
  }
  return true;
}

async function guarded(failures: unknown[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    failures.push(error);
  }
}

/** One batch of due entries; true when there may be more. */
async function step(
  { ctx, times }: SweepBudget<SweepParts>,
  partition: number,
  tally: Tally,
): Promise<boolean> {
  const members = await ctx.store.peekDue(partition);
  if (members.length === 0) return false;
  const most = times(ENTRY_REQUESTS, STEP_REQUESTS - 1);
  const actions = await ctx.store.reconcile(partition, members, crypto.randomUUID(), most);
  const sendings: Entry<Sending>[] = [];
  const endings: Entry<Ending>[] = [];
  const batches: Entry<Mending>[] = [];
  let left = 0;
  for (const [index, action] of actions.entries()) {
    const member = members[index] ?? "";
    switch (action.kind) {
      case "run":
      case "deliver":
        sendings.push({ member, action });
        break;
      case "expired":
      case "exhausted":
      case "silent":
        endings.push({ member, action });
        break;
      case "batch":
        batches.push({ member, action });
        break;
      case "broken":
        ctx.log("error", "sweep-entry-failed", { member, error: action.reason });
        break;
      case "left":
        left += 1;
        break;
      case "none":
        break;
    }
  }
  const failures: unknown[] = [];
  await guarded(failures, async () => {
    if (!fault("idle-sweep")) tally.published += await sendAgain(ctx, sendings);
  });
  await guarded(failures, async () => {
    tally.ended += await endAll(ctx, endings);
  });
  await guarded(failures, () => mendBatches(ctx, batches));
  tally.due += members.length;
  tally.left += left;
  if (failures.length > 0) throw failures[0];
  return left > 0 || members.length === SWEEP_BATCH;
}
