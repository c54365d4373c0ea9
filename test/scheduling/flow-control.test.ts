import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import {
  deliverMessage,
  flowOf,
  limitFault,
  limitsOf,
  type Runnable,
  runMessage,
} from "../../src/scheduling/flow-control.ts";
import { type AnyTask, defineTask } from "../../src/task.ts";
import { settingsOf } from "../support/parts.ts";

const declare = (type: string, limits: Pick<AnyTask, "concurrency" | "rate"> = {}) =>
  defineTask({ type, input: z.unknown(), handler: () => 1, ...limits });

const types = [
  declare("plain"),
  declare("few", { concurrency: 2 }),
  declare("slow", { rate: { limit: 5, period: 60_000 } }),
  declare("spaced out/häufig", { concurrency: 3 }),
];

// What these functions read of the parts.
const deps = {
  settings: settingsOf(),
  hashes: webCrypto,
  tasks: new Map(types.map((type) => [type.type, type])),
};

const runnable = (type: string, concurrencyKey?: string, project = "prj_1"): Runnable => ({
  project,
  id: "task_1",
  type,
  run: 1,
  options: concurrencyKey === undefined ? {} : { concurrencyKey },
});

describe("the line that a message waits in", () => {
  test("its concurrencyKey's, else its type's, else its service's, else its project's", async () => {
    const service = { name: "render", concurrency: 4 };
    expect(await flowOf(deps, runnable("plain"))).toEqual({ key: "project.prj_1", parallelism: 40 });
    expect(await flowOf(deps, runnable("plain"), service)).toEqual({
      key: "service.render",
      parallelism: 4,
    });
    expect(await flowOf(deps, runnable("few"), service)).toEqual({ key: "type.few", parallelism: 2 });
    expect(await flowOf(deps, runnable("slow"))).toEqual({
      key: "type.slow",
      parallelism: 40,
      rate: 5,
      period: 60_000,
    });
    expect(await flowOf(deps, runnable("few", "customer-42"), service)).toEqual({
      key: expect.stringMatching(/^key\.[0-9a-f]{40}$/),
      parallelism: 1,
    });
  });

  test("is one per key and project, and never holds what a path could not", async () => {
    const keys = await Promise.all(
      [
        runnable("plain", "a/b"),
        runnable("plain", "a"),
        runnable("plain", "a/b", "prj_2"),
        runnable("few", "a/b"),
        runnable("spaced out/häufig"),
      ].map(async (task) => (await flowOf(deps, task)).key),
    );
    expect(new Set(keys).size).toBe(4);
    expect(keys[3]).toBe(keys[0]);
    for (const key of keys) expect(key).toMatch(/^[\w.-]+$/);
  });
});

test("deliveries wait in lines of their own: an endpoint's at its rate, and one for callbacks", () => {
  const body = { v: 1, project: "prj_1", delivery: "del_1", attempt: 2 } as const;
  expect(deliverMessage(deps, body, 5_000)).toEqual({
    kind: "deliver",
    body,
    delay: 5_000,
    flow: { key: "deliveries.prj_1", parallelism: 20 },
  });
  expect(deliverMessage(deps, body, 0, { endpointId: "ep_1", rateLimit: 2 })).toMatchObject({
    flow: { key: "endpoint.ep_1", parallelism: 5, rate: 2, period: 1_000 },
  });
});

describe("a type's limits", () => {
  test("ride in the message of a limited type alone, and are looked up where it runs", async () => {
    const messageOf = async (task: Runnable) => {
      const { body, kind } = await runMessage(deps, task, 1, 0);
      if (kind !== "run" || !("task" in body)) throw new Error(kind);
      return body;
    };
    const plain = await messageOf(runnable("plain", "k"));
    expect(plain).toEqual({ v: 1, project: "prj_1", task: "task_1", run: 1, attempt: 1 });
    expect(limitsOf(deps, plain)).toBeUndefined();
    expect(limitsOf(deps, await messageOf(runnable("few")))).toEqual({
      type: "few",
      concurrency: 2,
      keyed: false,
    });
    expect(limitsOf(deps, await messageOf(runnable("slow", "k")))).toEqual({
      type: "slow",
      rate: { limit: 5, period: 60_000 },
      keyed: true,
    });
    expect(limitsOf(deps, { ...plain, type: "gone" })).toBeUndefined();
  });

  test.each([
    { concurrency: 0 },
    { concurrency: 1.5 },
    { rate: { limit: 0 } },
    { rate: { limit: 1, period: 1_500 } },
    { rate: { limit: 1, period: 8 * 86_400_000 } },
  ])("that cannot be held are refused at the start: %j", (limits) => {
    expect(limitFault(declare("wrong", limits))).toMatch(/"wrong"/);
  });

  test.each([{}, { concurrency: 1 }, { rate: { limit: 1 } }, { rate: { limit: 10, period: 60_000 } }])(
    "that can be held are taken: %j",
    (limits) => {
      expect(limitFault(declare("right", limits))).toBeUndefined();
    },
  );
});
