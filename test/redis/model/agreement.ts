import { expect } from "vitest";
import type { DeliveryRecord, TaskRecord } from "../../../src/tasks/record.ts";
import { isTerminal, MOVES, type StoredStatus } from "../../../src/tasks/status.ts";
import { type DeliveryModel, isOpen, type Model, type TaskModel } from "./state.ts";
import type { World } from "./world.ts";

/** How long one request may take, milliseconds: by as much a time that a script took may be later than the model's. */
const SLACK = 2_000;

/** Reads everything back, and holds it against the model and against the invariants that need no model. */
export async function agree(model: Model, world: World): Promise<void> {
  await readTasks(model, world);
  await readDeliveries(model, world);
  await readBatches(model, world);
  await readParked(model, world);
  await dueSet(model, world);
  await lifetimes(model, world);
  await counters(model, world);
  await deadLetters(model, world);
  await project(model, world);
}

const near = (actual: number, expected: number): boolean =>
  actual >= expected - 1 && actual <= expected + SLACK;

/** A time as the model has it where it is near enough, so that a difference shows as one. */
const timeOf = (actual: number, expected: number): number => (near(actual, expected) ? expected : actual);

/**
 * The same for the next look at a task. After a lost end it lies as far ahead as the end is late, so that a lease that
 * ends later in fact than in the model brings the look forward.
 */
const lookOf = (actual: number, expected: number): number =>
  near(actual, expected) || near(expected, actual) ? expected : actual;

async function readTasks(model: Model, world: World): Promise<void> {
  const ids = [...model.tasks.keys(), ...world.tasks.keys()];
  const answer = await world.store.readTasks(world.caller, [...new Set(ids)]);
  if (answer.kind !== "found") throw new Error(`the tasks could not be read: ${answer.kind}`);
  const read = new Map(answer.records.map((record) => [record.id, record]));
  expect([...read.keys()].sort(), "tasks that are kept").toEqual([...model.tasks.keys()].sort());
  for (const [id, task] of model.tasks) {
    const record = read.get(id);
    if (record) sameTask(record, task);
    if (record) soundTimeline(record);
  }
  world.tasks.clear();
  for (const [id, record] of read) world.tasks.set(id, record);
}

function sameTask(record: TaskRecord, task: TaskModel): void {
  expect({
    id: record.id,
    status: record.status,
    run: record.run,
    sequence: record.sequence,
    attempt: record.attempt,
    crashes: record.crashes,
    lease: record.lease ?? "",
    parked: record.status === "queued" && record.parked === true,
    deliveries: record.deliveries,
    pastDeliveries: record.pastDeliveries,
    endedAt: record.endedAt,
    resultExpiresAt: record.resultExpiresAt,
    progress: record.progress?.percent,
    nextAt: timeOf(record.nextAt, task.nextAt),
    deadlineAt: timeOf(record.deadlineAt, task.deadlineAt),
    heartbeatBy: timeOf(record.heartbeatBy ?? 0, task.heartbeatBy),
  }).toEqual({
    id: task.id,
    status: task.status,
    run: task.run,
    sequence: task.sequence,
    attempt: task.attempt,
    crashes: task.crashes,
    lease: task.lease,
    parked: task.status === "queued" && task.parked,
    deliveries: task.deliveries,
    pastDeliveries: task.pastDeliveries,
    endedAt: task.endedAt,
    resultExpiresAt: task.resultExpiresAt,
    progress: task.progress,
    nextAt: task.nextAt,
    deadlineAt: task.deadlineAt,
    heartbeatBy: task.heartbeatBy,
  });
}

const AFTER: Readonly<Record<string, StoredStatus>> = {
  "task.created": "queued",
  "task.replayed": "queued",
  "task.retrying": "queued",
  "task.started": "running",
  "task.waiting": "waiting",
};

/** Status changes only along the state machine, and a run has one end at most. */
function soundTimeline({ id, sequence, status, timeline }: TaskRecord): void {
  expect(
    timeline.map((entry) => entry.sequence),
    `${id}: every change has its entry`,
  ).toEqual(Array.from({ length: sequence }, (_, index) => index + 1));
  const ends = timeline.filter(({ type }) => isTerminal(statusAfter(type))).map(({ run }) => run);
  expect(new Set(ends).size, `${id}: exactly one terminal status per run`).toBe(ends.length);
  const statuses = timeline.map(({ type }) => statusAfter(type));
  for (const [index, to] of statuses.entries()) {
    const from = statuses[index - 1];
    const takeover = from === "running" && to === "running";
    if (from !== undefined && !takeover) expect(MOVES[from], `${id}: ${from} is left`).toContain(to);
  }
  expect(statuses.at(-1), `${id}: its last entry is its status`).toBe(status);
}

function statusAfter(type: string): StoredStatus {
  return AFTER[type] ?? (type.slice("task.".length) as StoredStatus); // the others are named after their status
}

async function readDeliveries(model: Model, world: World): Promise<void> {
  const ids = [...new Set([...model.deliveries.keys(), ...world.deliveries.keys()])];
  const answer = await world.store.readDeliveries(world.caller, ids);
  if (answer.kind !== "found") throw new Error(`the deliveries could not be read: ${answer.kind}`);
  const read = new Map(answer.records.map((record) => [record.id, record]));
  expect([...read.keys()].sort(), "deliveries that are kept").toEqual([...model.deliveries.keys()].sort());
  for (const [id, delivery] of model.deliveries) {
    const record = read.get(id);
    if (!record) continue;
    expect({
      ...pick(record),
      recorded: record.attempts.length,
      nextAt: timeOf(record.nextAt, delivery.nextAt),
      leaseUntil: timeOf(record.leaseUntil, delivery.leaseUntil),
    }).toEqual({
      ...pick(delivery),
      recorded: new Set(delivery.recorded).size,
      nextAt: delivery.nextAt,
      leaseUntil: delivery.leaseUntil,
    });
  }
  world.deliveries.clear();
  for (const [id, record] of read) world.deliveries.set(id, record);
}

/** Each batch counts each of its tasks once, by its first end, and completes once. */
async function readBatches(model: Model, world: World): Promise<void> {
  const ids = [...new Set([...model.batches.keys(), ...world.batches.keys()])];
  world.batches.clear();
  for (const id of ids) {
    const batch = model.batches.get(id);
    const answer = await world.store.readBatch(world.caller, id);
    if (answer.kind !== "found") {
      expect(batch, `${id} is ${answer.kind}`).toBeUndefined();
      continue;
    }
    const { record } = answer;
    expect({ status: record.status, tasks: record.tasks }, id).toEqual({
      status: batch?.status,
      tasks: [...(batch?.tasks ?? [])]
        .map(([task, ended]) => ({ id: task, ...(ended && { ended }) }))
        .sort((one, other) => (one.id < other.id ? -1 : 1)),
    });
    const left = await world.environment.redis("HGET", `rb1:000:${world.caller.project}:b:${id}`, "left");
    const open = record.tasks.filter((task) => task.ended === undefined);
    expect(Number(left), `tasks of ${id} that have not ended`).toBe(open.length);
    world.batches.set(id, record);
  }
}

/** A task that is held is listed, so that a resume finds it. */
async function readParked(model: Model, world: World): Promise<void> {
  world.parked = await world.store.parkedTasks(world.caller.project, "");
  const listed = world.parked.map(({ task }) => task).toSorted();
  expect(listed, "the list of the parked tasks").toEqual([...model.listed].toSorted());
  const held = [...model.tasks.values()].filter((task) => task.status === "queued" && task.parked);
  expect(listed, "held tasks are listed").toEqual(expect.arrayContaining(held.map(({ id }) => id)));
}

function pick(one: DeliveryModel | DeliveryRecord) {
  const { id, status, attempt, base, crashes, endedAt } = one;
  return { id, status, attempt, base, crashes, endedAt };
}

/** Every non-terminal task and every pending delivery has exactly one entry in the due set, and nothing else has. */
async function dueSet(model: Model, world: World): Promise<void> {
  const text = await world.environment.redis("ZRANGE", "rb1:000:due", "0", "-1", "WITHSCORES");
  const flat = text ? text.split(",") : [];
  const actual = new Map<string, number>();
  for (let i = 0; i + 1 < flat.length; i += 2) actual.set(flat[i]?.split("|")[2] ?? "", Number(flat[i + 1]));
  const expected = new Map<string, number>();
  for (const one of [...model.tasks.values(), ...model.deliveries.values()]) {
    const score = actual.get(one.id);
    const ended = "deadlineAt" in one ? !isOpen(one) : one.status !== "pending";
    expect(score === undefined, `${one.id} (${one.status}) has no due entry`).toBe(ended);
    if (score === undefined || one.due === undefined) continue;
    expected.set(one.id, one.due);
    actual.set(one.id, lookOf(score, one.due));
  }
  for (const { id, due, status } of model.batches.values()) {
    const score = actual.get(id);
    expect(score === undefined, `${id} (${status}) has no due entry`).toBe(status === "completed");
    if (score === undefined || due === undefined) continue;
    expected.set(id, due);
    actual.set(id, timeOf(score, due));
  }
  for (const { id, due } of model.poisons.values()) {
    expected.set(id, due);
    actual.set(id, timeOf(actual.get(id) ?? 0, due));
  }
  expect(Object.fromEntries(actual), "due entries").toEqual(Object.fromEntries(expected));
}

/** Nothing that is not ended has a TTL, and everything that is ended has one. */
async function lifetimes(model: Model, world: World): Promise<void> {
  const { ttlOf } = world.environment;
  const { project } = world.caller;
  const tasks = [...model.tasks.values()].flatMap((task) => [
    { key: `t:${task.id}`, ended: !isOpen(task) },
    ...(task.largeInput ? [{ key: `t:${task.id}:in`, ended: !isOpen(task) }] : []),
  ]);
  const deliveries = [...model.deliveries.values()].map(({ id, status }) => ({
    key: `d:${id}`,
    ended: status !== "pending",
  }));
  const batches = [...model.batches.values()].map(({ id, status }) => ({
    key: `b:${id}`,
    ended: status === "completed",
  }));
  const all = [...tasks, ...deliveries, ...batches];
  const read = await Promise.all(all.map(async ({ key }) => [key, (await ttlOf(key, project)) > 0] as const));
  expect(Object.fromEntries(read), "keys that will go").toEqual(
    Object.fromEntries(all.map(({ key, ended }) => [key, ended])),
  );
}

async function counters(model: Model, world: World): Promise<void> {
  const field = async (name: string) =>
    Number(await world.environment.redis("HGET", `rb1:000:${world.caller.project}:proj`, name));
  const names = Object.keys(model.endings);
  const read = await Promise.all(["open", ...names.map((name) => `n:${name}`)].map(field));
  expect(read, "open tasks, and endings of each kind").toEqual([model.open, ...Object.values(model.endings)]);
  expect(model.open).toBe([...model.tasks.values()].filter(isOpen).length);
  const keys = [...model.idempotency].map(async ([hash, { print, id }]) => {
    const kept = await world.environment.redis("GET", `rb1:000:${world.caller.project}:idem:${hash}`);
    expect(kept, `idempotency key ${hash}`).toBe(`${print} ${id}`);
  });
  await Promise.all(keys);
}

/** The dead letters are those that died and were not sent again since, in both forms that they are filed in. */
async function deadLetters(model: Model, world: World): Promise<void> {
  const prefix = `rb1:000:${world.caller.project}:dead:`;
  const keys = (await world.environment.redis("KEYS", `${prefix}*`))?.split(",").filter(Boolean) ?? [];
  const isDay = (key: string) => /^\d+$/.test(key.slice(prefix.length));
  const filed = async (names: readonly string[]) => {
    const read = await Promise.all(names.map((key) => world.environment.redis("ZRANGE", key, "0", "-1")));
    return read.flatMap((text) => (text ? text.split(",") : [])).map((member) => member.split("|")[0]);
  };
  const dead = [...model.deadLetters.keys()].sort();
  expect((await filed(keys.filter((key) => !isDay(key)))).sort(), "dead letters by hour").toEqual(dead);
  expect((await filed(keys.filter(isDay))).sort(), "dead letters by day").toEqual(dead);
}

/** Its API keys, the version of its configuration, its own quota. */
async function project(model: Model, { environment, caller, store }: World): Promise<void> {
  const keys = (await store.listKeys(caller.project)).data.map(({ key }) => key);
  expect(keys.filter((key) => key !== caller.key).sort(), "API keys").toEqual([...model.keys].sort());
  const field = (name: string) => environment.redis("HGET", `rb1:000:${caller.project}:proj`, name);
  expect(Number(await field("cfgv")), "the version of the configuration").toBe(model.config.version);
  expect(Number((await field("quota")) ?? 0), "its own quota").toBe(model.quota ?? 0);
}
