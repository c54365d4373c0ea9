import { accepted } from "../store-fixture.ts";
import { dead, HOUR, idempotency, over, record, type Situations } from "./stage.ts";

/** Situations of the scripts of a delivery, and of reads. */
export const deliverySituations: Situations = {
  leaseDelivery: {
    "of a lapsed lease": async (stage) => {
      const { delivery } = await over(stage);
      const [, second] = (await over(stage)).record.deliveries;
      const { project } = stage.caller;
      const command = { project, delivery: second ?? delivery.id, attempt: 1, lease: "mine", length: 20_000 };
      return () => stage.store.leaseDelivery(command);
    },
  },
  putOff: {
    "of a leased attempt": async (stage) => {
      const { delivery } = await over(stage);
      const lease = delivery.lease?.id ?? "";
      const command = { project: stage.caller.project, delivery: delivery.id, attempt: 1, lease };
      return () => stage.store.putOff(command);
    },
  },
  record: { delivered: record("delivered"), dead: record("dead"), "to be tried again": record("retry") },
  redeliver: {
    "of a dead letter, under a key": async (stage) => {
      const found = await dead(stage);
      const { caller, endpoint: endpointId } = stage;
      const rest = { scope: "tasks:write", endpointId, delay: 0, nonce: crypto.randomUUID() } as const;
      const command = { caller, ...found, ...rest, idempotency: idempotency() };
      return () => stage.store.redeliver(command);
    },
  },
  keepTask: {
    "of a dead letter that is sent again late": async (stage) => {
      const found = await dead(stage);
      const { caller, endpoint: endpointId } = stage;
      const rest = { scope: "tasks:write", endpointId, delay: 14 * 24 * HOUR } as const;
      const command = { caller, ...found, ...rest, nonce: crypto.randomUUID() };
      return () => stage.store.redeliver(command);
    },
  },
  listDeadLetters: {
    "of 60 days": async ({ store, caller, endpoint: endpointId }) => {
      const [since, until] = [Date.now() - 60 * 24 * HOUR, Date.now() + HOUR];
      return () => store.listDeadLetters({ caller, endpointId, since, until, most: 1_000 });
    },
  },
  health: {
    "of a failing endpoint": async (stage) => {
      await dead(stage);
      const { store, caller, endpoint: id } = stage;
      return () => store.readHealth(caller.project, [{ id, url: "https://client.example/hooks" }]);
    },
  },
  reconcile: {
    "of a task and a delivery": async (stage) => {
      const { delivery } = await over(stage);
      const { id } = await accepted(stage.store, stage.caller);
      const { project } = stage.caller;
      const members = [`t|${project}|${id}`, `d|${project}|${delivery.id}`];
      return () => stage.store.reconcile(0, members, "sweep-1");
    },
  },
  given: {
    "for a task and a delivery": async (stage) => {
      const { delivery } = await over(stage);
      const { id: task, run } = await accepted(stage.store, stage.caller);
      const { project } = stage.caller;
      const messages = [
        { kind: "run", project, task, run, attempt: 1, message: "msg_1" },
        { kind: "deliver", project, delivery: delivery.id, attempt: 1, message: "msg_2" },
      ] as const;
      return () => stage.store.given(messages);
    },
  },
  read: {
    "of a task and its parts": async (stage) => {
      const { record: before } = await over(stage);
      return () => stage.store.readTask(stage.caller, before.id, { input: true, result: true });
    },
    "of 100 deliveries": async (stage) => {
      const { record: before } = await over(stage);
      const ids = Array.from(
        { length: 100 },
        (_, n) => before.deliveries[n % before.deliveries.length] ?? "",
      );
      return () => stage.store.readDeliveries(stage.caller, ids);
    },
  },
};
