import { describe, expect, test } from "vitest";
import * as z from "zod";
import { Delivery, DeliverySummary } from "../../src/deliveries/schema.ts";
import { openApi } from "../../src/http/openapi/document.ts";
import { problemsOf } from "../../src/http/pipeline/route.ts";
import { routesOf } from "../../src/http/routes/index.ts";
import { httpRequestTask } from "../../src/services/http-request.ts";
import { PROBLEMS } from "../../src/shared/problems.ts";
import { diagnostics, tasks } from "../../src/task-types/index.ts";
import type { DeliveryRecord } from "../../src/tasks/record.ts";
import { Task, TimelineItem } from "../../src/tasks/schema.ts";
import { deliverySummary, deliveryView, taskView, timelineView } from "../../src/tasks/view.ts";
import { NOW, PUBLIC_URL, taskRecord } from "./gateway.ts";

// Descriptions are held by test/http/declarations.test.ts, which names the route that lacks one.
const operation = z.object({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z.array(z.object({ name: z.string() })),
  responses: z.record(
    z.string(),
    z.object({
      description: z.string(),
      content: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
});
const schema = z.looseObject({ properties: z.record(z.string(), z.unknown()).optional() });
const routes = routesOf();
const offered = [httpRequestTask(new Map()), ...tasks, ...diagnostics];
const text = JSON.stringify(openApi({ version: "0.1.0", publicUrl: PUBLIC_URL, tasks: offered, routes }));
const document = z
  .object({
    openapi: z.literal("3.1.0"),
    servers: z.tuple([z.object({ url: z.literal(PUBLIC_URL) })]),
    paths: z.record(z.string(), z.record(z.string(), operation)),
    webhooks: z.record(z.string(), z.unknown()),
    components: z.object({ schemas: z.record(z.string(), schema) }),
  })
  .parse(JSON.parse(text));

const documented = (path: string, method: string) =>
  document.paths[path.replace(/:(\w+)(?:\{.*\})?/g, "{$1}")]?.[method.toLowerCase()];

describe("the OpenAPI document", () => {
  for (const route of routes) {
    test(`has ${route.method} ${route.path} with every answer and refusal`, () => {
      const found = documented(route.path, route.method);
      const refusals = problemsOf(route).map((code) => `${PROBLEMS[code].status}`);
      const expected = new Set([...Object.keys(route.answers), ...refusals]);
      expect(new Set(Object.keys(found?.responses ?? {}))).toEqual(expected);
      expect(found?.operationId).toBe(route.operation);
      if (route.scope) expect(found?.security).toContainEqual({ apiKey: [route.scope] });
    });
  }

  test("has nothing beside them, and each operation once", () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect([...ids].sort()).toEqual(routes.map((route) => route.operation).sort());
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("tells of every event that a callback brings", () => {
    expect(Object.keys(document.webhooks)).toEqual([
      "task.succeeded",
      "task.failed",
      "task.canceled",
      "task.expired",
      "task.started",
      "task.waiting",
      "task.progress",
      "endpoint.verification",
      "endpoint.test",
      "batch.completed",
      "endpoint.disabled",
      "delivery.dead",
    ]);
  });

  test("has a form of a task for every task type, told apart by `type`", () => {
    const { schemas } = document.components;
    const union = z
      .object({
        oneOf: z.array(z.object({ $ref: z.string() })),
        discriminator: z.object({ propertyName: z.string(), mapping: z.record(z.string(), z.string()) }),
      })
      .parse(schemas["TaskRequest"]);
    expect(union.discriminator.propertyName).toBe("type");
    expect(Object.keys(union.discriminator.mapping)).toEqual(offered.map(({ type }) => type));
    expect(union.oneOf.map(({ $ref }) => $ref)).toEqual(Object.values(union.discriminator.mapping));
    for (const { type } of offered) {
      expect(schemas[`TaskRequest.${type}`]).toMatchObject({
        required: ["type", "input"],
        properties: { type: { const: type }, callbackUrl: {}, metadata: {} },
      });
    }
    expect(schemas["TaskRequest.links.check"]).toMatchObject({
      properties: { input: { properties: { urls: { type: "array", maxItems: 100 } } } },
    });
    expect(schemas["TaskResult.links.check"]).toMatchObject({ required: ["checked", "ok", "broken"] });
  });

  test("refers to nothing that is not there", () => {
    const whole: unknown = JSON.parse(text);
    const targets = new Set([...text.matchAll(/"(#\/[^"]+)"/g)].map(([, target]) => target ?? ""));
    expect(targets.size).toBeGreaterThan(50);
    const lost = [...targets].filter((target) => {
      if (!/^#\/(components|paths)\//.test(target)) return false; // the pointer of a fault, in an example
      return at(whole, target.slice(2).split("/")) === undefined;
    });
    expect(lost).toEqual([]);
  });
});

/** What lies at a JSON pointer. */
function at(value: unknown, steps: readonly string[]): unknown {
  return steps.reduce<unknown>((inner, step) => {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    return typeof inner === "object" && inner !== null
      ? (inner as Readonly<Record<string, unknown>>)[name]
      : undefined;
  }, value);
}

/** A schema tolerates fields that it does not know, as readers must; what we send has none of those. */
function strict(shape: z.core.$ZodType, value: unknown): void {
  expect(z.core.parse(shape, value)).toEqual(value);
}

describe("what is sent has the shape that the document tells of, and no field more", () => {
  const error = { code: "timeout", message: "It took too long.", retryable: true };
  const delivery: DeliveryRecord = {
    id: "del_01kawv0m1ne0p86qyrcy9ba2z4",
    project: "prj_01kawtzq4je0a8yqh3n5v6w7x8",
    taskId: taskRecord().id,
    eventId: "evt_01kawv0m1ne0qtrn9tkp0h7k2v",
    eventType: "task.failed",
    url: "https://shop.example.com/hooks",
    status: "pending",
    attempt: 1,
    base: 0,
    crashes: 0,
    createdAt: NOW,
    nextAt: NOW + 5_000,
    leaseUntil: 0,
    format: "full",
    body: "{}",
    attempts: [
      { at: "2026-11-24T09:00:00.000Z", durationMs: 3, error: { code: "timeout", message: "No answer." } },
    ],
  };
  const records = {
    "a queued task": taskRecord(),
    "a task with everything": taskRecord({
      status: "failed",
      startsAt: NOW + 1,
      startedAt: NOW + 2,
      endedAt: NOW + 3,
      resultExpiresAt: NOW + 4,
      progress: { percent: 50, message: "half", at: NOW + 2 },
      metadata: { a: "b" },
      callback: { url: delivery.url, events: ["task.failed"] },
      result: { placement: "inline", json: "1" },
      error,
    }),
  };
  for (const [what, record] of Object.entries(records)) {
    test(what, () => {
      strict(Task, taskView(record, { publicUrl: PUBLIC_URL, now: NOW, delivery, include: { input: true } }));
    });
  }

  test("a delivery, alone and in a list", () => {
    strict(Delivery, deliveryView(delivery));
    strict(DeliverySummary, deliverySummary({ ...delivery, status: "dead", endedAt: NOW }));
  });

  test("a timeline entry", () => {
    const entry = {
      sequence: 2,
      at: NOW,
      run: 1,
      type: "task.started",
      actor: "worker",
      cause: "retry",
    } as const;
    strict(TimelineItem, timelineView(entry));
  });
});
