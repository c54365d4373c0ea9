import { Refusal } from "../../shared/problems.ts";
import { type Accepted, firstRun, prepare, type Submit, settle, submitter } from "./submit-task.ts";
import type { Caller, Scope } from "../../projects/caller.ts";
import { denied } from "../../projects/denied.ts";
import { type LookedUp, lookTasks } from "../read/get-task.ts";
import type { Invocation } from "../../ports/dependencies.ts";
import { publishAll } from "../../scheduling/publish.ts";
import type { AcceptAnswer, AcceptCommand } from "../../ports/task-commands.ts";

/**
 * Accepts many tasks in one Redis request, each on its own, in order; all runs are published in one request. What came
 * before under the same idempotency key, in this batch too, is read in one request more.
 *
 * @param items each as the client asks for it, or why it was refused before
 * @returns one outcome per item
 * @throws Refusal when the key may not submit
 */
export async function acceptBatch(
  inv: Invocation,
  caller: Caller,
  items: readonly (Submit | Refusal)[],
): Promise<readonly (Accepted | Refusal)[]> {
  const prepared = await Promise.all(
    items.map((item) => (item instanceof Refusal ? item : refusedOr(() => prepare(inv, caller, item)))),
  );
  const commands = prepared.flatMap((item) => (item instanceof Refusal ? [] : [item]));
  const answers = new Map<AcceptCommand, AcceptAnswer>();
  for (const [index, answer] of (await inv.store.acceptAll(commands)).entries()) {
    const command = commands[index];
    const isOneItems = answer.kind === "forbidden" && command?.scope !== undefined;
    if (!isOneItems && (answer.kind === "unauthenticated" || answer.kind === "forbidden")) {
      throw denied(answer, "tasks:write");
    }
    if (command) answers.set(command, answer);
  }
  const known = await lookReplayed(inv, caller, [...answers.values()]);
  const outcomes = await Promise.all(
    prepared.map((item) =>
      item instanceof Refusal ? item : refusedOr(() => outcomeOf(answers.get(item), known, item.scope)),
    ),
  );
  const fresh = outcomes.flatMap((outcome) =>
    outcome instanceof Refusal || outcome.replayed ? [] : [outcome],
  );
  inv.background.waitUntil(
    Promise.all(fresh.map((accepted) => firstRun(inv, accepted))).then((messages) =>
      publishAll(inv, messages),
    ),
  );
  return outcomes;
}

function outcomeOf(
  answer: AcceptAnswer | undefined,
  known: ReadonlyMap<string, LookedUp>,
  scope: Scope | undefined,
): Accepted {
  if (!answer) throw new Error("acceptAll answered too little");
  if (answer.kind !== "replayed") return settle(answer, scope);
  const found = known.get(answer.id);
  if (!found) throw new Refusal("not-found", `There is no task "${answer.id}" in this project any more.`);
  return { ...found, replayed: true };
}

async function lookReplayed(
  inv: Invocation,
  caller: Caller,
  answers: readonly AcceptAnswer[],
): Promise<ReadonlyMap<string, LookedUp>> {
  const ids = new Set(answers.flatMap((answer) => (answer.kind === "replayed" ? [answer.id] : [])));
  const found = await lookTasks(inv, submitter(caller), [...ids]);
  return new Map(found.map((one) => [one.record.id, one]));
}

async function refusedOr<T>(work: () => T | Promise<T>): Promise<T | Refusal> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}
