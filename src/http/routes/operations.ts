import * as z from "zod/mini";
import type { Dependencies } from "../../ports/dependencies.ts";
import { component, field, type Infer, opt, time } from "../../shared/schema/schema.ts";
import { timestamp } from "../../tasks/view.ts";
import { type Route, route } from "../pipeline/route.ts";

/** How long an answer of `/readyz` is repeated before Redis and QStash are asked again. */
const READY_FOR = 5_000;

const Health = component(
  "Health",
  () =>
    z.object({
      status: field(z.literal("ok"), "It is alive."),
      version: field(z.string(), "The gateway's version."),
    }),
  { description: "Alive.", example: { status: "ok", version: "0.1.0" } },
);

const reachable = field(z.enum(["ok", "unreachable"]), "Whether it answered within the last 5 seconds.");
type Reach = Infer<typeof reachable>;

const Readiness = component(
  "Readiness",
  () =>
    z.object({
      redis: reachable,
      qstash: reachable,
      sweep: field(
        z.object({
          lastAt: field(
            opt(time),
            "When the last one was done; absent before the first, and where Redis does not answer.",
          ),
        }),
        "The sweep, which publishes lost messages again.",
      ),
    }),
  {
    description: "The services that the gateway depends on.",
    example: { redis: "ok", qstash: "ok", sweep: { lastAt: "2026-11-24T09:30:00.000Z" } },
  },
);
type Readiness = Infer<typeof Readiness>;

/** Whether the gateway lives, and whether the services that it depends on answer. */
export function operationRoutes(): readonly Route[] {
  const ready = readiness();
  return [
    route({
      method: "GET",
      path: "/healthz",
      operation: "getHealth",
      summary: "Whether the gateway is alive",
      description: "Asks neither Redis nor QStash.",
      tag: "Operations",
      access: "open",
      answers: { 200: { description: "It is.", body: Health } },
      handle: ({ ctx, reply }) => reply(200, { status: "ok", version: ctx.settings.version }),
    }),
    route({
      method: "GET",
      path: "/readyz",
      operation: "getReadiness",
      summary: "Whether Redis and QStash answer",
      description: "503 names what does not answer. The answer may be 5 seconds old.",
      tag: "Operations",
      access: "open",
      answers: {
        200: { description: "Both answer.", body: Readiness },
        503: { description: "At least one does not answer.", body: Readiness },
      },
      async handle({ ctx, reply }) {
        const state = await ready(ctx);
        return reply(state.redis === "ok" && state.qstash === "ok" ? 200 : 503, state);
      },
    }),
  ];
}

function readiness(): (deps: Dependencies) => Promise<Readiness> {
  let last: { at: number; state: Readiness } | undefined;
  return async (deps) => {
    const { store, queue, clock } = deps;
    if (last && clock() - last.at < READY_FOR) return last.state;
    let sweptAt: number | undefined;
    const [redis, qstash] = await Promise.all([
      reach(deps, "redis", async () => {
        const answered = await store.ping();
        ({ sweptAt } = answered);
        return answered.ok;
      }),
      reach(deps, "qstash", () => queue.ping()),
    ]);
    const sweep = sweptAt === undefined ? {} : { lastAt: timestamp(sweptAt) };
    last = { at: clock(), state: { redis, qstash, sweep } };
    return last.state;
  };
}

async function reach({ log }: Dependencies, service: string, ping: () => Promise<boolean>): Promise<Reach> {
  try {
    return (await ping()) ? "ok" : "unreachable";
  } catch (error) {
    log("warn", "unreachable", { service, error: `${error}` });
    return "unreachable";
  }
}
