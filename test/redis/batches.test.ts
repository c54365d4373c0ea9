import { describe, expect, test } from "vitest";
import type { Store } from "../../src/ports/store.ts";
import type { ApiKey } from "../../src/projects/principal.ts";
import { system } from "../../src/projects/principal.ts";
import { makeId } from "../../src/shared/id.ts";
import { BATCH_GRACE } from "../../src/shared/limits.ts";
import type { BatchRecord } from "../../src/tasks/batch/record.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import {
  acceptCommand,
  accepted,
  claimed,
  environments,
  erased,
  freshProject,
  newDelivery,
  succeeded,
} from "./store-fixture.ts";

const newId = () => makeId("batch", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8)));
const idempotency = (fingerprint = "ab".repeat(32), hash: string = crypto.randomUUID()) => ({
  hash,
  fingerprint,
});

describe.each(await environments())("batches on the %s engine", (_kind, { store, redis, at }) => {
  async function open(caller: ApiKey, id: string = newId(), once?: ReturnType<typeof idempotency>) {
    const batch = { id, metadata: { import: "1" }, callbackUrl: "https://client.example/batches" };
    const answer = await store.openBatch({
      ...{ caller, scopes: ["tasks:write"], batch },
      ...(once && { idempotency: once }),
    });
    return { id, answer };
  }

  const settle = (caller: ApiKey, batch: string, keep = true, tasks: readonly string[] = []) =>
    store.settleBatch({ project: caller.project, batch, tasks, keep });

  async function read(caller: ApiKey, id: string): Promise<BatchRecord> {
    const found = await store.readBatch(caller, id);
    if (found.kind !== "found") throw new Error(found.kind);
    return found.record;
  }

  const due = async (caller: ApiKey, id: string) => {
    const score = await redis("ZSCORE", "rb1:000:due", `b|${caller.project}|${id}`);
    return score === null ? undefined : Number(score);
  };

  async function ends(task: TaskRecord, over: Store = store) {
    const held = await claimed(over, task);
    const answer = await over.end(succeeded(held.record, held.lease));
    if (answer.kind !== "ended") throw new Error(answer.kind);
    return answer;
  }

  const complete = (record: BatchRecord, more: Partial<Parameters<Store["completeBatch"]>[0]> = {}) =>
    store.completeBatch({
      record,
      completedAt: Date.now(),
      deliveries: [],
      configVersion: 1,
      nonce: crypto.randomUUID(),
      ...more,
    });

  test("are due before their tasks are accepted, and have no TTL", async () => {
    const caller = await freshProject(store);
    const { id, answer } = await open(caller);
    expect(answer).toEqual({ kind: "opened" });
    expect(await due(caller, id)).toBeGreaterThan(Date.now() + BATCH_GRACE - 10_000);
    expect(Number(await redis("PTTL", `rb1:000:${caller.project}:b:${id}`))).toBe(-1);
    expect(await read(caller, id)).toMatchObject({
      status: "opening",
      tasks: [],
      metadata: { import: "1" },
      callbackUrl: "https://client.example/batches",
    });
  });

  test("count each task once, by its first end", async () => {
    const caller = await freshProject(store);
    const { id } = await open(caller);
    const one = await accepted(store, caller, { batch: id });
    const other = await accepted(store, caller, { batch: id });
    expect(one.batch).toBe(id);
    expect(await settle(caller, id)).toBe("open");
    expect(await ends(one)).not.toHaveProperty("batchDone");
    const again = await store.readTask(caller, one.id, { result: true });
    if (again.kind !== "found") throw new Error(again.kind);
    const replayed = await store.replay({
      ...{ caller, record: again.record, maxOpen: 100, nonce: crypto.randomUUID() },
    });
    if (replayed.kind !== "replayed") throw new Error(replayed.kind);
    expect(await ends(replayed.record)).not.toHaveProperty("batchDone");
    expect((await read(caller, id)).tasks.filter(({ ended }) => ended)).toEqual([
      { id: one.id, ended: "succeeded" },
    ]);
    const later = await due(caller, id);
    expect(later).toBeGreaterThan(Date.now() + 60_000);
    expect(await ends(other)).toMatchObject({ batchDone: true });
    expect(await due(caller, id)).toBeLessThanOrEqual(Date.now() + 1_000);
  });

  test("say again that they are complete when the last end is sent twice", async () => {
    const caller = await freshProject(store);
    const { id } = await open(caller);
    const task = await accepted(store, caller, { batch: id });
    await settle(caller, id);
    const held = await claimed(store, task);
    const command = succeeded(held.record, held.lease);
    expect(await store.end(command)).toMatchObject({ kind: "ended", batchDone: true });
    expect(await store.end(command)).toMatchObject({ kind: "ended", batchDone: true });
    expect((await read(caller, id)).tasks).toEqual([{ id: task.id, ended: "succeeded" }]);
    expect(await complete(await read(caller, id))).toEqual({ kind: "completed" });
    expect(await store.end(command)).not.toHaveProperty("batchDone");
  });

  test("do not complete before all of their tasks are accepted", async () => {
    const caller = await freshProject(store);
    const { id } = await open(caller);
    const task = await accepted(store, caller, { batch: id });
    expect(await ends(task)).not.toHaveProperty("batchDone");
    expect(await complete(await read(caller, id))).toEqual({ kind: "changed" });
    expect(await settle(caller, id)).toBe("due");
  });

  test("open their event once, and get a TTL", async () => {
    const caller = await freshProject(store);
    const { id } = await open(caller);
    const task = await accepted(store, caller, { batch: id });
    await settle(caller, id);
    await ends(task);
    const record = await read(caller, id);
    const delivery = { ...newDelivery(), taskId: "", batchId: id, eventType: "batch.completed" };
    expect(await complete(record, { configVersion: 7 })).toMatchObject({ kind: "config-changed" });
    const command = { deliveries: [delivery], nonce: crypto.randomUUID() };
    expect(await complete(record, command)).toEqual({ kind: "completed" });
    expect(await complete(record, command)).toEqual({ kind: "completed" });
    expect(await complete(record)).toEqual({ kind: "already" });
    expect(await due(caller, id)).toBeUndefined();
    expect(Number(await redis("PTTL", `rb1:000:${caller.project}:b:${id}`))).toBeGreaterThan(86_400_000);
    const opened = await store.readDeliveries(caller, [delivery.id]);
    expect(opened).toMatchObject({ records: [{ taskId: "", batchId: id, status: "pending" }] });
    expect(await redis("ZSCORE", "rb1:000:due", `d|${caller.project}|${delivery.id}`)).not.toBeNull();
    const late = await store.accept(acceptCommand(caller, { batch: id }));
    expect(late).toEqual({ kind: "batch-closed" });
  });

  test("complete only as they were read: a task that was added since keeps them open", async () => {
    const caller = await freshProject(store);
    const { id } = await open(caller);
    const task = await accepted(store, caller, { batch: id });
    await settle(caller, id);
    await ends(task);
    const record = await read(caller, id);
    const added = await accepted(store, caller, { batch: id });
    expect(await complete(record)).toEqual({ kind: "changed" });
    expect(await ends(added)).toMatchObject({ batchDone: true });
    expect(await complete(record)).toEqual({ kind: "changed" });
    expect(await complete(await read(caller, id))).toEqual({ kind: "completed" });
  });

  test("keep their id under an idempotency key, and refuse another request", async () => {
    const caller = await freshProject(store);
    const once = idempotency();
    const { id } = await open(caller, newId(), once);
    expect((await open(caller, newId(), once)).answer).toEqual({ kind: "known", id });
    expect((await open(caller, id, once)).answer).toEqual({ kind: "opened" });
    const other = idempotency("cd".repeat(32), once.hash);
    expect((await open(caller, newId(), other)).answer).toEqual({ kind: "reused", id });
  });

  test("of which nothing was accepted are gone, and their key with them", async () => {
    const caller = await freshProject(store);
    const once = idempotency();
    const { id } = await open(caller, newId(), once);
    const command = { project: caller.project, batch: id, tasks: [], keep: false };
    expect(await store.settleBatch({ ...command, idempotencyHash: once.hash })).toBe("dropped");
    expect(await store.readBatch(caller, id)).toMatchObject({ kind: "missing" });
    expect(await due(caller, id)).toBeUndefined();
    expect((await open(caller, newId(), idempotency("cd".repeat(32), once.hash))).answer.kind).toBe("opened");
    expect(await settle(caller, id)).toBe("gone");
  });

  test("whose tasks were all accepted before are complete at once", async () => {
    const caller = await freshProject(store);
    const { id } = await open(caller);
    expect(await settle(caller, id, true)).toBe("due");
    expect(await complete(await read(caller, id))).toEqual({ kind: "completed" });
  });

  test("that were interrupted are looked after by the sweep", async () => {
    const caller = await freshProject(store);
    const { id } = await open(caller);
    const task = await accepted(store, caller, { batch: id });
    const member = `b|${caller.project}|${id}`;
    expect(await store.reconcile(0, [member], "before")).toEqual([{ kind: "none" }]);
    const later = at(BATCH_GRACE + 1_000);
    const [action] = await later.reconcile(0, [member], "after");
    expect(action).toMatchObject({ kind: "batch", record: { id, tasks: [{ id: task.id }] } });
    const project = caller.project;
    expect(await later.settleBatch({ project, batch: id, tasks: [task.id], keep: false })).toBe("open");
    expect((await read(caller, id)).status).toBe("open");
    await ends(task);
    expect(await complete(await read(caller, id))).toEqual({ kind: "completed" });
    expect(await at(BATCH_GRACE + 1_000).reconcile(0, [member], "end")).toEqual([{ kind: "none" }]);
  });

  test("count what an older gateway has ended, and forget what it has erased", async () => {
    const caller = await freshProject(store);
    const { id } = await open(caller);
    const one = await accepted(store, caller, { batch: id });
    const other = await accepted(store, caller, { batch: id });
    await settle(caller, id);
    for (const task of [one, other]) {
      const held = await claimed(store, task);
      const { batch: _batch, ...unaware } = held.record;
      await store.end(succeeded(unaware, held.lease));
    }
    const ended = await store.readTask(system(caller.project), other.id);
    if (ended.kind !== "found") throw new Error(ended.kind);
    expect(await erased(store, { caller, record: ended.record })).toEqual({ kind: "erased" });
    expect((await read(caller, id)).tasks.filter((task) => task.ended)).toEqual([]);
    expect(await settle(caller, id, false, [one.id, other.id])).toBe("due");
    expect((await read(caller, id)).tasks).toEqual([{ id: one.id, ended: "succeeded" }]);
  });

  test("are not opened for a key that may submit none of the items, nor read without tasks:read", async () => {
    const reader = await freshProject(store, ["tasks:read"]);
    expect((await open(reader)).answer).toEqual({ kind: "forbidden" });
    const writer = await freshProject(store, ["tasks:write"]);
    const { id, answer } = await open(writer);
    expect(answer).toEqual({ kind: "opened" });
    expect(await store.readBatch(writer, id)).toEqual({ kind: "forbidden" });
    const batch = { id: newId(), metadata: {} };
    const one = await freshProject(store, ["service:render"]);
    const scopes = ["service:mail", "service:render"] as const;
    expect(await store.openBatch({ caller: one, scopes, batch })).toEqual({ kind: "opened" });
  });
});
