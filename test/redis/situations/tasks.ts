import { acceptCommand, accepted, claimed, newDelivery, succeeded } from "../store-fixture.ts";
import {
  accept,
  batchCommand,
  batchOf,
  deliveries,
  ended,
  endsIn,
  failed,
  HOUR,
  idempotency,
  limits,
  over,
  running,
  type Situations,
  waits,
} from "./stage.ts";

/** Situations of the scripts of a task. */
export const taskSituations: Situations = {
  accept: {
    "with an idempotency key and a large input": async (stage) => {
      await stage.store.limitProject(stage.caller.project, { searchable: ["orderId"] }, crypto.randomUUID());
      const command = accept(stage);
      return () => stage.store.accept(command);
    },
    "in a batch": async (stage) => {
      const { id: batch } = await batchOf(stage);
      const command = acceptCommand(stage.caller, { batch }, { idempotency: idempotency() });
      return () => stage.store.accept(command);
    },
    "without an idempotency key": async ({ store, caller }) => {
      const command = acceptCommand(caller);
      return () => store.accept(command);
    },
    "of a task that begins at once": async (stage) => {
      const command = { ...accept(stage), lease: { id: crypto.randomUUID(), length: 25_000 } };
      return () => stage.store.accept(command);
    },
  },
  openBatch: {
    "under a key": async (stage) => {
      const command = batchCommand(stage);
      return () => stage.store.openBatch(command);
    },
  },
  settleBatch: {
    "with tasks that may have ended": async (stage) => {
      const { id: batch, task } = await batchOf(stage);
      const { project } = stage.caller;
      const command = { project, batch, tasks: [task.id], keep: false, idempotencyHash: "ab" };
      return () => stage.store.settleBatch(command);
    },
    "that is empty": async (stage) => {
      const opened = batchCommand(stage);
      await stage.store.openBatch(opened);
      const { project } = stage.caller;
      const command = { project, batch: opened.batch.id, tasks: [], keep: false };
      return () => stage.store.settleBatch({ ...command, idempotencyHash: opened.idempotency.hash });
    },
  },
  completeBatch: {
    "with deliveries": async (stage) => {
      const { id } = await batchOf(stage);
      const { project } = stage.caller;
      const found = await stage.store.readBatch(stage.caller, id);
      if (found.kind !== "found") throw new Error(found.kind);
      const tasks = found.record.tasks.map((task) => task.id);
      for (const task of tasks) await endsIn(stage, task);
      await stage.store.settleBatch({ project, batch: id, tasks: [], keep: true });
      const opened = deliveries(stage, (await batchOf(stage)).task).map((one) => ({
        ...one,
        taskId: "",
        batchId: id,
      }));
      const command = {
        record: found.record,
        completedAt: Date.now(),
        deliveries: opened,
        configVersion: found.config.version,
        nonce: crypto.randomUUID(),
      };
      return () => stage.store.completeBatch(command);
    },
  },
  claim: {
    "of a limited type": async (stage) => {
      const { id: task, project, run } = await accepted(stage.store, stage.caller, { type: stage.type });
      const command = { project, task, run, attempt: 1, lease: "mine", limits: limits(stage) };
      return () => stage.store.claim(command);
    },
  },
  renew: {
    "with progress": async (stage) => {
      const { record: held, lease } = await running(stage);
      const { project, id: task, run, attempt } = held;
      const progress = { percent: 5, at: Date.now() };
      return () => stage.store.renew({ project, task, run, attempt, lease, held: stage.type, progress });
    },
    "of a lease that keeps its end": async ({ store, caller }) => {
      const record = await accepted(store, caller);
      const { lease } = await claimed(store, record);
      const command = { project: caller.project, task: record.id, run: 1, attempt: 1, lease, fixed: true };
      return () => store.renew({ ...command, progress: { percent: 5, at: Date.now() } });
    },
  },
  end: {
    "well, with a large result": async (stage) => {
      const command = ended(stage, await running(stage));
      return () => stage.store.end(command);
    },
    badly: async (stage) => {
      const command = failed(stage, await running(stage));
      return () => stage.store.end(command);
    },
    "by a client, under a key": async (stage) => {
      const { record: held } = await running(stage);
      const authority = { by: "sequence", sequence: held.sequence, caller: stage.caller } as const;
      const outcome = { kind: "canceled", endedAt: Date.now(), resultTtl: HOUR, deliveries: [] } as const;
      const command = { ...ended(stage, { record: held, lease: "" }), authority, outcome };
      const once = { ...command, idempotency: idempotency() };
      return () => stage.store.end(once);
    },
    "as the last of a batch": async (stage) => {
      const { id: batch, task } = await batchOf(stage);
      await stage.store.settleBatch({ project: stage.caller.project, batch, tasks: [], keep: true });
      const held = await claimed(stage.store, task, "mine");
      const command = succeeded(held.record, "mine");
      return () => stage.store.end(command);
    },
    "for another attempt": async (stage) => {
      const { record: held, lease } = await running(stage);
      const error = { code: "handler-failed", message: "no", retryable: true };
      const command = {
        ...succeeded(held, lease),
        outcome: { kind: "retry", delay: 2 * HOUR, error } as const,
      };
      return () => stage.store.end(command);
    },
    "for a completion": async (stage) => {
      const { record: held, lease } = await running(stage);
      const outcome = { kind: "waiting", deliveries: deliveries(stage, held), heartbeat: 60_000 } as const;
      const command = { ...succeeded(held, lease), outcome };
      return () => stage.store.end(command);
    },
  },
  replay: {
    "under a key": async (stage) => {
      const { record: before } = await over(stage);
      const { caller } = stage;
      const rest = { maxOpen: 10_000_000, nonce: crypto.randomUUID(), idempotency: idempotency() };
      return () => stage.store.replay({ caller, record: before, ...rest });
    },
  },
  deleteTask: {
    "of a task with an idempotency key": async (stage) => {
      const { record: before } = await over(stage);
      return () => stage.store.deleteTask({ caller: stage.caller, record: before });
    },
    "of a task without one": async (stage) => {
      const held = await claimed(stage.store, await accepted(stage.store, stage.caller), "mine");
      await stage.store.end(succeeded(held.record, "mine"));
      const found = await stage.store.readTask(stage.caller, held.record.id);
      if (found.kind !== "found") throw new Error(found.kind);
      return () => stage.store.deleteTask({ caller: stage.caller, record: found.record });
    },
  },
  erasePart: {
    "with dead letters": async (stage) => {
      const { record: before } = await over(stage);
      await stage.store.deleteTask({ caller: stage.caller, record: before });
      return () => stage.store.erasePart(stage.caller.project, before.id);
    },
  },
  report: {
    "of a waiting task's progress": async (stage) => {
      const { project, id: task, run, attempt } = await waits(stage);
      return () => stage.store.report({ project, task, run, attempt, progress: { percent: 5 } });
    },
  },
  announce: {
    "of a start": async (stage) => {
      const { record: held, lease } = await running(stage);
      const opened = deliveries(stage, held);
      return () => stage.store.announce({ record: held, lease, deliveries: opened });
    },
    "of progress": async (stage) => {
      const { record: held, lease } = await running(stage);
      const opened = [{ ...newDelivery(lease), taskId: held.id, once: true }];
      return () => stage.store.announce({ record: held, lease, deliveries: opened });
    },
  },
  recordCall: {
    "of a first call": async ({ store, caller }) => {
      const { project, id: task, run } = await accepted(store, caller);
      return () => store.recordCall({ project, task, run, attempt: 1, message: "msg_1", length: HOUR });
    },
  },
  recordPoll: {
    "of a next poll": async (stage) => {
      const waiting = await waits(stage, { url: "https://service.example/1", service: "render" });
      const nonce = crypto.randomUUID();
      const rest = { number: 2, url: "https://service.example/2", service: "render", length: 5_000, nonce };
      return () => stage.store.recordPoll({ record: waiting, ...rest });
    },
  },
  watch: {
    "of a task": async ({ store, caller }) => {
      const { id } = await accepted(store, caller);
      return () => store.watch(caller, id, 5_000);
    },
  },
};
