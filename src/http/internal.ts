import type { Context } from "hono";
import * as z from "zod/mini";
import { Refusal } from "../domain/problems.ts";
import { type Answer, deliver } from "../flow/deliver.ts";
import { run } from "../flow/run.ts";
import { sweep } from "../flow/sweep.ts";
import { id } from "./fields.ts";
import { type Env, type Route, route } from "./route.ts";

const count = z.int().check(z.minimum(1));

/** What every queue route answers: done (or stale, which is the same to the queue), or 503 and when to come back. */
const declared = {
  tag: "Queue",
  access: "queue",
  method: "POST",
  answers: { 200: {} },
  problems: ["not-yet", "malformed-message"],
} as const;

const runRoute = route({
  ...declared,
  path: "/internal/run",
  operation: "runTask",
  summary: "Run the attempt that a message names",
  body: z.strictObject({ v: z.literal(1), project: id("prj"), task: id("task"), run: count, attempt: count }),
  async handle({ c, invocation, body }) {
    return reply(c, await run(invocation, body));
  },
});

const deliverRoute = route({
  ...declared,
  path: "/internal/deliver",
  operation: "deliverEvent",
  summary: "Make the delivery attempt that a message names",
  body: z.strictObject({ v: z.literal(1), project: id("prj"), delivery: id("del"), attempt: count }),
  async handle({ c, invocation, body }) {
    return reply(c, await deliver(invocation, body));
  },
});

const sweepRoute = route({
  ...declared,
  path: "/internal/sweep",
  operation: "sweep",
  summary: "Take what is due and has not come back",
  body: z.looseObject({}),
  async handle({ c, invocation }) {
    await sweep(invocation);
    return c.body(null, 200);
  },
});

function reply(c: Context<Env>, answer: Answer): Response {
  if (answer.status === 200) return c.body(null, 200);
  throw new Refusal("not-yet", "The work is under way, or its time has not come.", {
    retryAfter: answer.retryAfter,
  });
}

export const queueRoutes: readonly Route[] = [runRoute, deliverRoute, sweepRoute];
