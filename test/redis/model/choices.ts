import type { NewDelivery } from "../../../src/ports/commands/delivery.ts";
import type { Outcome } from "../../../src/ports/commands/task.ts";
import { system } from "../../../src/projects/principal.ts";
import { makeId } from "../../../src/shared/id.ts";
import type { TaskRecord } from "../../../src/tasks/record.ts";
import { newDelivery } from "../store-fixture.ts";
import { completeBatch, openBatch, settle } from "./batch-choices.ts";
import { cancelMany, replayMany } from "./bulk-choices.ts";
import { begin, record, redeliver } from "./delivery-choices.ts";
import { DELIVERY_LEASE, type Operation, RESULT_TTL } from "./operations.ts";
import { type Choice, fresh, mostly, one, type Pick, recent } from "./picking.ts";
import { type Grant, isOpen, type Model } from "./state.ts";
import type { World } from "./world.ts";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const ENDPOINT = makeId("ep", 0, 0, new Uint8Array(8));

function idempotency(n: number, name: string) {
  if (n % 3 !== 0) return {};
  return { idempotency: { hash: `${name}-${n % 2}`, fingerprint: n % 5 === 0 ? "another" : "print" } };
}

function deliveries(n: number): readonly NewDelivery[] {
  return Array.from({ length: n % 3 }, (_, index) => {
    const made = newDelivery(n % 2 === 0 ? fresh() : undefined);
    const lease = made.lease && { lease: { ...made.lease, length: DELIVERY_LEASE } };
    return { ...made, ...lease, ...(index === 1 && { endpointId: ENDPOINT }) };
  });
}

/** Half of the tasks belong to a batch. */
function batchOf(n: number, { batches }: World) {
  const batch = n % 2 === 0 ? one([...batches.keys()], Math.floor(n / 2)) : undefined;
  return batch === undefined ? {} : { batch };
}

const accept: Choice = ([a, b, c, d], _model, world) => {
  const delay = [0, 0, 0, 0, 20 * SECOND, 2 * HOUR][a % 6] ?? 0;
  return {
    kind: "accept",
    id: makeId("task", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8))),
    delay,
    deadline: [150 * SECOND, 24 * HOUR, 24 * HOUR][b % 3] ?? 0,
    largeInput: c % 4 === 0,
    ...batchOf(a + c, world),
    ...idempotency(d, "accept"),
    ...(delay === 0 && b % 2 === 0 && { lease: fresh() }),
  };
};

const claim: Choice = ([a, b, c], { tasks }, { grants }) => {
  const all = [...tasks.values()];
  const task = one(mostly(all.filter(isOpen), [all], c), a);
  if (!task) return undefined;
  const next = task.status === "running" ? task.attempt : task.attempt + 1;
  return {
    kind: "claim",
    id: task.id,
    run: b % 8 === 7 ? task.run - 1 : task.run,
    attempt: mostly(next, [next + 1, task.attempt], b),
    lease: c % 4 === 3 ? (recent(grants, c)?.lease ?? fresh()) : fresh(),
  };
};

const renew: Choice = ([a, b, c], _model, world) => {
  const grant = c % 3 === 0 ? recent(world.grants, a) : one(underWay(world), a);
  if (!grant) return undefined;
  const { id, run, attempt } = grant.record;
  return {
    kind: "renew",
    id,
    run,
    attempt,
    lease: grant.lease,
    progress: b % 2 === 0 ? b % 101 : undefined,
    fixed: c % 4 === 1,
  };
};

const report: Choice = ([a, b], _model, { grants }) => {
  const grant = recent(grants, a);
  if (!grant) return undefined;
  const { id, run, attempt } = grant.record;
  return { kind: "report", id, run, attempt, progress: b % 2 === 0 ? b % 101 : undefined };
};

const error = { code: "broken", message: "It broke.", retryable: true };

function terminal(kind: "succeeded" | "failed" | "canceled" | "expired", n: number, now: number): Outcome {
  return {
    kind,
    endedAt: now,
    resultTtl: RESULT_TTL,
    ...(kind === "succeeded" ? { result: '{"ok":true}' } : { error }),
    deliveries: deliveries(n),
  };
}

function outcome(n: number, m: number, now: number): Outcome {
  if (n % 4 === 0) return { kind: "retry", delay: m % 2 === 0 ? 10 * SECOND : 2 * HOUR, error };
  if (n % 4 === 1) {
    return { kind: "waiting", ...(m % 2 === 0 && { heartbeat: 60 * SECOND }), deliveries: deliveries(m) };
  }
  return terminal(n % 4 === 2 ? "succeeded" : "failed", m, now);
}

/** Holders of the attempts that are under way, those among them that have lost the lease to another included. */
export function underWay({ grants, tasks }: World): readonly Grant[] {
  return grants.filter(({ record }) => {
    const now = tasks.get(record.id);
    return now?.status === "running" && now.run === record.run && now.attempt === record.attempt;
  });
}

/** A worker says how its attempt ended; it may have lost its lease long ago. */
const finish: Choice = (pick, model, world) => {
  const [a, , , d] = pick;
  const grant = d % 3 === 0 ? recent(world.grants, a) : one(underWay(world), a);
  return grant && finishBy(grant, pick, model);
};

/** What the holder of an attempt says of its end. */
export function finishBy({ record, lease }: Grant, [, b, c, d]: Pick, { now, config }: Model): Operation {
  return {
    kind: "end",
    record,
    authority: { by: "lease", lease, attempt: record.attempt },
    outcome: outcome(b, c, now),
    ...(d % 2 === 0 && { configVersion: d % 8 === 6 ? config.version - 1 : config.version }),
    nonce: fresh(),
  };
}

/** The bearer of an attempt's token says how it ended; the attempt may be over. */
const complete: Choice = ([a, b, c, d], { now }, { grants, tasks }) => {
  const grant = recent(grants, a);
  if (!grant) return undefined;
  const { run, attempt, id, sequence } = grant.record;
  const read = tasks.get(id);
  return {
    kind: "end",
    record: grant.record,
    authority: { by: "token", attempt, sequence: d % 4 === 3 ? sequence : (read?.sequence ?? sequence) },
    outcome: b % 3 === 0 ? outcome(0, c, now) : terminal(b % 3 === 1 ? "succeeded" : "failed", c, now),
    nonce: `${run}-${fresh()}`,
  };
};

/** A task as somebody has read it: mostly just now. */
function readBefore(n: number, m: number, { tasks, older }: World): TaskRecord | undefined {
  return m % 5 === 4 ? recent(older, n) : one([...tasks.values()], n);
}

/** A client cancels, or the sweep ends what ran out. */
const stop: Choice = ([a, b, c, d], { now }, world) => {
  const record = readBefore(a, b, world);
  if (!record) return undefined;
  const late = now >= record.deadlineAt;
  return {
    kind: "end",
    record,
    authority: { by: "sequence", sequence: record.sequence, caller: system(record.project) },
    outcome: terminal(late && d % 3 > 0 ? "expired" : "canceled", c, now),
    ...(late ? {} : idempotency(d, `cancel-${record.id}`)),
    nonce: fresh(),
  };
};

const replay: Choice = ([a, b, c], _model, world) => {
  const record = readBefore(a, b, world);
  return record && { kind: "replay", record, ...idempotency(c, `replay-${record.id}`), nonce: fresh() };
};

const erase: Choice = ([a, b], _model, world) => {
  const record = readBefore(a, b, world);
  return record && { kind: "erase", record };
};

/** The queue says that it calls a service for an attempt, mostly the right one. */
const published: Choice = ([a, b, c, d], { tasks }) => {
  const task = one([...tasks.values()].filter(isOpen), a);
  if (!task) return undefined;
  const next = task.status === "queued" ? task.attempt + 1 : task.attempt;
  return {
    kind: "published",
    id: task.id,
    run: b % 8 === 7 ? task.run - 1 : task.run,
    attempt: mostly(next, [next + 1, task.attempt], b),
    message: `msg_${c % 3}`,
    held: d % 4 === 3,
  };
};

/** A worker tells that its attempt has begun; at times under another lease, as after a takeover. */
const announce: Choice = ([a, b, c], _model, world) => {
  const before = one(
    world.sent.filter((op) => op.kind === "announce" && world.tasks.get(op.record.id)?.lease === op.lease),
    a,
  );
  if (c % 3 === 2 && before?.kind === "announce") {
    const lease = { id: fresh(), length: DELIVERY_LEASE };
    return { ...before, deliveries: before.deliveries.map((made) => ({ ...made, lease })) };
  }
  const grant = b % 3 === 0 ? recent(world.grants, a) : one(underWay(world), a);
  if (!grant) return undefined;
  const lease = { id: fresh(), length: DELIVERY_LEASE };
  return { kind: "announce", ...grant, deliveries: [{ ...newDelivery(), lease }] };
};

/** Paused now and then, and mostly not for long. */
const configure: Choice = ([a, b], { config }) => ({
  kind: "configure",
  paused: !config.paused && b % 3 === 0,
  version: a % 4 === 3 ? config.version - 1 : config.version,
  nonce: fresh(),
});

/** A resume looks at the parked tasks, also at those that have changed since. */
const unpark: Choice = ([a], { listed }, world) => {
  const tasks = world.parked.filter(({ task }) => listed.has(task) || a % 4 === 3);
  return tasks.length === 0 ? undefined : { kind: "unpark", tasks };
};

const grant: Choice = () => ({ kind: "grant", key: fresh().replaceAll("-", "") });

const revoke: Choice = ([a, b], { keys, revoked }) => {
  const key = one(mostly([...keys], [[...revoked.keys()]], b), a);
  return key === undefined ? undefined : { kind: "revoke", key, nonce: fresh() };
};

const limit: Choice = ([a]) => ({
  kind: "limit",
  maxOpen: [null, 1, 3, 5][a % 4] ?? null,
  nonce: fresh(),
});

/** Something that was sent before comes once more, late. */
const late: Choice = ([a], _model, { sent }) => one(sent, a);

/** So does what accepted a task that is gone: it must not come back. */
const acceptLate: Choice = ([a], { tasks }, { sent }) =>
  one(
    sent.filter((op) => op.kind === "accept" && !tasks.has(op.id)),
    a,
  );

/** Every choice by name, as often as it is to be made. */
export const CHOICES = {
  accept: [accept, 2],
  claim: [claim, 5],
  renew: [renew, 1],
  report: [report, 2],
  finish: [finish, 5],
  complete: [complete, 3],
  stop: [stop, 2],
  replay: [replay, 2],
  erase: [erase, 1],
  begin: [begin, 3],
  record: [record, 4],
  redeliver: [redeliver, 2],
  published: [published, 2],
  announce: [announce, 2],
  openBatch: [openBatch, 1],
  settle: [settle, 1],
  completeBatch: [completeBatch, 2],
  unpark: [unpark, 2],
  cancelMany: [cancelMany, 1],
  replayMany: [replayMany, 1],
  configure: [configure, 2],
  grant: [grant, 1],
  revoke: [revoke, 1],
  limit: [limit, 1],
  late: [late, 2],
  acceptLate: [acceptLate, 1],
} as const satisfies Record<string, readonly [Choice, number]>;
