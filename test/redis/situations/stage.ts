import type { NewDelivery } from "../../../src/ports/commands/delivery.ts";
import type { AcceptCommand, EndCommand } from "../../../src/ports/commands/task.ts";
import type { Store } from "../../../src/ports/store.ts";
import type { ApiKey } from "../../../src/projects/principal.ts";
import { makeId } from "../../../src/shared/id.ts";
import { INLINE_LIMIT } from "../../../src/shared/limits.ts";
import type { TaskRecord } from "../../../src/tasks/record.ts";
import { acceptCommand, accepted, claimed, newDelivery, succeeded } from "../store-fixture.ts";

/** A store and a project of a situation's own. */
export interface Stage {
  readonly store: Store;
  readonly caller: ApiKey;
  /** The endpoint that its deliveries go to, and the type of its tasks. */
  readonly endpoint: string;
  readonly type: string;
}

/** Sets a script's stage, and gives what runs it: with the same words each time that it is called. */
export type Situation = (stage: Stage) => Promise<() => Promise<unknown>>;

/** Situations by script and name. */
export type Situations = Readonly<Record<string, Readonly<Record<string, Situation>>>>;

export const LARGE = JSON.stringify("x".repeat(INLINE_LIMIT));
export const HOUR = 3_600_000;
export const LOG = '{"at":"2026-11-24T08:25:28.815Z","durationMs":1}';

export const idempotency = () => ({ hash: crypto.randomUUID(), fingerprint: "cd".repeat(32) });
export const newEndpoint = () => makeId("ep", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8)));

export const accept = ({ caller, type }: Stage): AcceptCommand =>
  acceptCommand(caller, { type, input: LARGE }, { idempotency: idempotency() });

export const limits = ({ type }: Stage) => ({
  type,
  concurrency: 1_000_000,
  rate: { limit: 1_000_000, period: HOUR },
  keyed: true,
});

export const batchCommand = ({ caller }: Stage) => ({
  caller,
  scopes: ["tasks:write"] as const,
  batch: {
    id: makeId("batch", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8))),
    metadata: { import: "1" },
    callbackUrl: "https://client.example/batches",
  },
  idempotency: idempotency(),
});

/** A batch with one task. */
export async function batchOf(stage: Stage): Promise<{ readonly id: string; readonly task: TaskRecord }> {
  const command = batchCommand(stage);
  await stage.store.openBatch(command);
  const { id } = command.batch;
  return { id, task: await accepted(stage.store, stage.caller, { batch: id }) };
}

/** Lets a task succeed. */
export async function endsIn({ store, caller }: Stage, task: string): Promise<void> {
  const found = await store.readTask(caller, task);
  if (found.kind !== "found") throw new Error(found.kind);
  const { record: held, lease } = await claimed(store, found.record);
  await store.end(succeeded(held, lease));
}

export async function running(stage: Stage): Promise<{ record: TaskRecord; lease: string }> {
  const answer = await stage.store.accept(accept(stage));
  if (answer.kind !== "accepted") throw new Error(answer.kind);
  const lease = crypto.randomUUID();
  const { project, id: task, run } = answer.record;
  const held = await stage.store.claim({ project, task, run, attempt: 1, lease, limits: limits(stage) });
  if (held.kind !== "claimed") throw new Error(held.kind);
  return { record: held.record, lease };
}

/** A delivery that is sent, one that shares its body, and one that is a dead letter from its beginning. */
export function deliveries({ endpoint }: Stage, record: TaskRecord): readonly NewDelivery[] {
  const of = { taskId: record.id, endpointId: endpoint };
  return [
    { ...newDelivery(crypto.randomUUID()), ...of },
    { ...newDelivery(), ...of, shared: true },
    { ...newDelivery(), ...of, dead: { at: Date.now(), log: LOG } },
  ];
}

export const ended = (stage: Stage, { record, lease }: { record: TaskRecord; lease: string }): EndCommand =>
  succeeded(record, lease, { result: LARGE, deliveries: deliveries(stage, record) });

export const failed = (stage: Stage, held: { record: TaskRecord; lease: string }): EndCommand => ({
  ...ended(stage, held),
  outcome: {
    kind: "failed",
    endedAt: Date.now(),
    resultTtl: HOUR,
    error: { code: "handler-failed", message: "no", retryable: false },
    deliveries: deliveries(stage, held.record),
  },
});

/** A task that has failed, as it is read, and its first delivery, whose lease is held. */
export async function over(stage: Stage) {
  const command = failed(stage, await running(stage));
  const answer = await stage.store.end(command);
  if (answer.kind !== "ended") throw new Error(answer.kind);
  const found = await stage.store.readTask(stage.caller, command.record.id);
  if (found.kind !== "found") throw new Error(found.kind);
  const [delivery] = command.outcome.kind === "retry" ? [] : command.outcome.deliveries;
  if (!delivery) throw new Error("no delivery");
  return { record: found.record, delivery };
}

export const recorded = (
  { caller, endpoint }: Stage,
  { id, lease }: NewDelivery,
  kind: "delivered" | "dead" | "retry",
) => ({
  project: caller.project,
  delivery: id,
  lease: lease?.id ?? "",
  attempt: 1,
  outcome: kind === "retry" ? { kind, delay: 5_000 } : { kind },
  log: LOG,
  at: Date.now(),
  verdict:
    kind === "delivered" ? ({ circuit: "alive" } as const) : ({ circuit: "failed", failing: true } as const),
  endpointId: endpoint,
  deliveries: kind === "dead" ? [{ ...newDelivery(), taskId: "", eventType: "delivery.dead" }] : [],
  nonce: crypto.randomUUID(),
});

export function record(kind: "delivered" | "dead" | "retry"): Situation {
  return async (stage) => {
    const { delivery } = await over(stage);
    const command = recorded(stage, delivery, kind);
    return () => stage.store.record(command);
  };
}

export async function dead(stage: Stage) {
  const { delivery } = await over(stage);
  const command = recorded(stage, delivery, "dead");
  await stage.store.record(command);
  return { delivery: delivery.id, endedAt: command.at };
}

export async function waits(
  stage: Stage,
  poll?: { readonly url: string; readonly service: string },
): Promise<TaskRecord> {
  const { record: held, lease } = await running(stage);
  const outcome = { kind: "waiting", deliveries: [], heartbeat: 60_000, ...(poll && { poll }) } as const;
  await stage.store.end({ ...succeeded(held, lease), outcome });
  const found = await stage.store.readTask(stage.caller, held.id);
  if (found.kind !== "found") throw new Error(found.kind);
  return found.record;
}

export const granted = (expiresAt: number) => ({
  key: crypto.randomUUID().replaceAll("-", ""),
  hash: "ef".repeat(32),
  expiresAt,
  scopes: ["tasks:read"],
  createdAt: 1,
  name: "a key",
});

export const listing = async (stage: Stage, filter: Parameters<Store["listTasks"]>[3]) => {
  await accepted(stage.store, stage.caller, { type: stage.type });
  return () => stage.store.listTasks(stage.caller, undefined, 100, filter);
};
