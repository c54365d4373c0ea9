import type { Dependencies } from "../../ports/dependencies.ts";
import { timestamp } from "../../tasks/view.ts";
import { answer } from "../pipeline/respond.ts";
import { type Route, route } from "../pipeline/route.ts";

/** How long an answer of `/readyz` is good for; whoever asks, Redis and QStash are asked no more often. */
const READY_FOR = 5_000;

/** Whether the gateway lives, and whether what it stands on answers. */
export function operationRoutes(): readonly Route[] {
  const ready = readiness();
  return [
    route({
      method: "GET",
      path: "/healthz",
      operation: "getHealth",
      summary: "Whether the gateway is alive",
      tag: "Operations",
      access: "open",
      answers: { 200: { shape: "Health" } },
      handle: ({ c, ctx }) => answer(c, 200, { status: "ok", version: ctx.settings.version }),
    }),
    route({
      method: "GET",
      path: "/readyz",
      operation: "getReadiness",
      summary: "Whether Redis and QStash answer",
      tag: "Operations",
      access: "open",
      answers: { 200: { shape: "Readiness" }, 503: { shape: "Readiness" } },
      async handle({ c, ctx }) {
        const state = await ready(ctx);
        return answer(c, state.redis === "ok" && state.qstash === "ok" ? 200 : 503, state);
      },
    }),
  ];
}

type Reach = "ok" | "unreachable";

interface Readiness {
  readonly redis: Reach;
  readonly qstash: Reach;
  /** Absent before the first one, and where Redis does not answer. */
  readonly sweep: { readonly lastAt?: string };
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
