import type { Context } from "hono";
import * as z from "zod/mini";
import type { RequestContext } from "../../ports/dependencies.ts";
import { type Paused, setPaused } from "../../projects/pause.ts";
import type { Client } from "../../projects/principal.ts";
import { startParked } from "../../scheduling/start-parked.ts";
import { component, field } from "../../shared/schema/schema.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../pipeline/idempotency.ts";
import { type Route, route } from "../pipeline/route.ts";

const Pauses = component(
  "Pauses",
  () =>
    z.object({
      paused: field(z.boolean(), "Whether the whole project is paused."),
      pausedTypes: field(z.array(z.string()), "The task types that are paused on their own."),
    }),
  {
    description: "The paused parts of a project.",
    example: { paused: false, pausedTypes: ["report.generate"] },
  },
);

const declared = {
  method: "POST",
  tag: "Tasks",
  access: "key",
  scope: "admin",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  problems: IDEMPOTENCY_PROBLEMS,
} as const;

const answers = {
  200: { description: "Done, now or before.", body: Pauses, headers: ["Idempotent-Replayed"] },
} as const;

const params = {
  type: { description: "The task type.", example: "report.generate" },
} as const;

const HELD =
  "Tasks are accepted, running and waiting tasks go on, deadlines count. The next attempt of any other task is held: such a task has `paused: true`, and expires at its deadline.";
const STARTS = "The tasks that were held start at once, 100 at a time; the sweep starts the rest.";

const pauseProject = route({
  ...declared,
  path: "/v1/pause",
  operation: "pauseProject",
  summary: "Pause the project",
  description: HELD,
  answers,
  handle: async ({ c, ctx, caller, reply }) => {
    const paused = await setPaused(ctx, caller, undefined, true, await idempotencyIn(ctx, c));
    return reply(200, viewOf(paused), replayedHeader(paused.replayed));
  },
});

const resumeProject = route({
  ...declared,
  path: "/v1/resume",
  operation: "resumeProject",
  summary: "Resume the project",
  description: `${STARTS} Types that are paused on their own stay paused.`,
  answers,
  handle: async ({ c, ctx, caller, reply }) => {
    const paused = await resume(c, ctx, caller);
    return reply(200, viewOf(paused), replayedHeader(paused.replayed));
  },
});

const pauseType = route({
  ...declared,
  path: "/v1/task-types/:type/pause",
  operation: "pauseTaskType",
  summary: "Pause a task type in the project",
  description: HELD,
  params,
  answers,
  handle: async ({ c, ctx, caller, params: { type }, reply }) => {
    const paused = await setPaused(ctx, caller, type, true, await idempotencyIn(ctx, c));
    return reply(200, viewOf(paused), replayedHeader(paused.replayed));
  },
});

const resumeType = route({
  ...declared,
  path: "/v1/task-types/:type/resume",
  operation: "resumeTaskType",
  summary: "Resume a task type in the project",
  description: `${STARTS} While the whole project is paused, they stay held.`,
  params,
  answers,
  handle: async ({ c, ctx, caller, params: { type }, reply }) => {
    const paused = await resume(c, ctx, caller, type);
    return reply(200, viewOf(paused), replayedHeader(paused.replayed));
  },
});

async function resume(c: Context, ctx: RequestContext, caller: Client, type?: string): Promise<Paused> {
  const paused = await setPaused(ctx, caller, type, false, await idempotencyIn(ctx, c));
  ctx.background.waitUntil(startParked(ctx, caller.project));
  return paused;
}

function viewOf({ project, types }: Paused) {
  return { paused: project, pausedTypes: types };
}

export const pauseRoutes: readonly Route[] = [pauseProject, resumeProject, pauseType, resumeType];
