import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Store } from "../../src/ports/store.ts";
import { eventually } from "../support/client.ts";
import { FaultProxy } from "../support/proxy.ts";
import {
  acceptCommand,
  accepted,
  claimed,
  environments,
  freshProject,
  storeOver,
  succeeded,
} from "./store-fixture.ts";

/** Listens to a task, and notes what is told. */
async function listening(store: Store, project: string, id: string) {
  const told: string[] = [];
  const states: string[] = [];
  const following = store.follow(project, id, {
    onOpen: () => states.push("open"),
    onChange: (status) => told.push(status),
    onLost: () => states.push("lost"),
  });
  onTestFinished(() => following.close());
  await eventually(() => expect(states.length).toBeGreaterThan(0));
  return { told, states, following };
}

describe.each(await environments())(
  "watching on the %s engine",
  (_kind, { store, caller, at, redis, url }) => {
    const watchOf = (id: string) => redis("HGET", `rb1:000:${caller.project}:t:${id}`, "watch");

    test("tells every change of a watched task with its new status, progress too", async () => {
      const record = await accepted(store, caller);
      const { told, states } = await listening(store, caller.project, record.id);
      expect(states).toEqual(["open"]);
      expect(await store.watch(caller, record.id, 10_000)).toMatchObject({
        kind: "found",
        record: { id: record.id, status: "queued", sequence: 1 },
      });
      const { lease, record: running } = await claimed(store, record);
      const message = { project: caller.project, task: record.id, run: 1, attempt: 1, lease };
      await store.renew(message);
      await store.renew({ ...message, progress: { percent: 5, at: Date.now() } });
      expect(await store.end(succeeded(running, lease))).toMatchObject({ kind: "ended" });
      await eventually(() => expect(told).toEqual(["running", "running", "succeeded"]));
      const ended = await store.readTask(caller, record.id);
      if (ended.kind !== "found") throw new Error(ended.kind);
      const nonce = crypto.randomUUID();
      expect(await store.replay({ caller, record: ended.record, maxOpen: 1_000, nonce })).toMatchObject({
        kind: "replayed",
      });
      await eventually(() => expect(told.at(-1)).toBe("queued"));
    });

    test("tells nothing of a task that nobody watches, or whose watch is over", async () => {
      const record = await accepted(store, caller);
      const { told } = await listening(store, caller.project, record.id);
      const { lease, record: running } = await claimed(store, record);
      await store.watch(caller, record.id, 1_000);
      await at(2_000).end(succeeded(running, lease));
      await sleep(200);
      expect(told).toEqual([]);
    });

    test("a watch is only ever made longer, and leaves what has ended as it is", async () => {
      const record = await accepted(store, caller);
      await store.watch(caller, record.id, 60_000);
      const longest = await watchOf(record.id);
      await store.watch(caller, record.id, 1_000);
      expect(await watchOf(record.id)).toBe(longest);
      const { lease, record: running } = await claimed(store, await accepted(store, caller));
      await store.end(succeeded(running, lease));
      expect(await store.watch(caller, running.id, 60_000)).toMatchObject({
        record: { status: "succeeded" },
      });
      expect(await watchOf(running.id)).toBeNull();
    });

    test("a task can be watched from the moment it is accepted, also when that is sent twice", async () => {
      const command = acceptCommand(caller, {}, { watch: 10_000 });
      const { told } = await listening(store, caller.project, command.task.id);
      const first = await store.accept(command);
      const until = await watchOf(command.task.id);
      if (first.kind !== "accepted") throw new Error(first.kind);
      expect(Number(until)).toBe(first.now + 10_000);
      expect(await store.accept(command)).toMatchObject({ kind: "accepted" });
      expect(await watchOf(command.task.id)).toBe(until);
      await claimed(store, first.record);
      await eventually(() => expect(told).toEqual(["running"]));
    });

    test("needs tasks:read, and a task", async () => {
      const writer = await freshProject(store, ["tasks:write"]);
      const record = await accepted(store, writer);
      expect(await store.watch(writer, record.id, 1_000)).toEqual({ kind: "forbidden" });
      expect(await store.watch({ ...writer, hash: "0" }, record.id, 1_000)).toEqual({
        kind: "unauthenticated",
      });
      expect(await store.watch(caller, record.id, 1_000)).toMatchObject({ kind: "missing" });
    });

    test("follow tells that its stream broke or was refused, once, and not after it was closed", async () => {
      const proxy = await FaultProxy.start(url);
      onTestFinished(() => proxy.stop());
      const remote = storeOver(proxy);
      const record = await accepted(store, caller);
      const broken = await listening(remote, caller.project, record.id);
      for (const stream of proxy.streams) stream.destroy();
      await eventually(() => expect(broken.states).toEqual(["open", "lost"]));
      const ended = await listening(remote, caller.project, record.id);
      for (const stream of proxy.streams) stream.end();
      await eventually(() => expect(ended.states).toEqual(["open", "lost"]));
      proxy.faults = {
        request: ({ path }) => (path.startsWith("/subscribe/") ? { status: 500, body: "no" } : "pass"),
      };
      expect((await listening(remote, caller.project, record.id)).states).toEqual(["lost"]);
      proxy.faults = { request: ({ path }) => (path.startsWith("/subscribe/") ? "cut" : "pass") };
      expect((await listening(remote, caller.project, record.id)).states).toEqual(["lost"]);
      proxy.faults = {};
      const closed = await listening(remote, caller.project, record.id);
      closed.following.close();
      await eventually(() => expect(proxy.streams.size).toBe(0));
      expect(closed.states).toEqual(["open"]);
    });

    test("follow gives up a stream that does not open", async () => {
      const proxy = await FaultProxy.start(url);
      onTestFinished(() => proxy.stop());
      const never = Promise.withResolvers<"cut">();
      onTestFinished(() => never.resolve("cut"));
      proxy.faults = { request: () => never.promise };
      const remote = storeOver(proxy);
      expect((await listening(remote, caller.project, "task_00000000000000000000000000")).states).toEqual([
        "lost",
      ]);
    });
  },
);
