import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { ConfigError } from "./config/config.ts";
import type { Deployed } from "./deployed.ts";
import { createGateway, type Ringback } from "./gateway.ts";
import { answerOutside } from "./http/pipeline/outside.ts";
import type { Assets } from "./http/routes/pages/static.ts";
import type { Background } from "./ports/background.ts";
import { errorText } from "./shared/log/error-text.ts";
import { createLog } from "./shared/log/log.ts";
import type { AnyTask } from "./task.ts";

/** The parts of a deployment: its task types, its pages, and how it sends requests. */
export interface RingbackOptions<Env extends object = object> extends Omit<Deployed, "tasks"> {
  /** Your task types; or a function that makes them from the environment, which has their settings. */
  readonly tasks: readonly AnyTask[] | ((env: Env) => readonly AnyTask[]);
  /**
   * Serves the files that `/docs` and `/console` are made of: on Workers `(env) => env.ASSETS`. Without it these two
   * pages answer 404.
   */
  readonly assets?: ((env: Env) => Assets | undefined) | undefined;
  /** The environment of `app`, in place of `c.env`, which Hono fills on Workers alone. */
  readonly env?: Env | undefined;
}

/** A deployment: makes the gateway over an environment. */
export interface Deployment<Env extends object = object> {
  /**
   * The gateway over an environment. The same environment has the same gateway, so this may be called per request.
   *
   * @throws ConfigError when the environment lacks a variable or has a bad one
   */
  (env: Env): Ringback;
  /**
   * The gateway as a Hono app, for `main.route("/async", ringback.app)`. It reads the environment when a request comes,
   * and answers 503 `misconfigured` when that is bad. The path must be that of `RINGBACK_PUBLIC_URL`.
   */
  readonly app: Hono;
}

/**
 * Declares a deployment of the gateway by its task types.
 *
 * @example
 * ```ts
 * const ringback = createRingback({ tasks: [shout] });
 * export default {
 *   fetch: (request: Request, env: Env, ctx: ExecutionContext) => ringback(env).fetch(request, ctx),
 *   scheduled: (event: ScheduledController, env: Env, ctx: ExecutionContext) =>
 *     ringback(env).scheduled(event, env, ctx),
 * };
 * ```
 */
export function createRingback<Env extends object = object>(options: RingbackOptions<Env>): Deployment<Env> {
  const gateways = new WeakMap<object, Ringback | ConfigError>();
  const connected = (env: Env): Ringback => {
    const gateway = gateways.get(env) ?? madeOrRefused(options, env);
    gateways.set(env, gateway);
    if (gateway instanceof ConfigError) throw gateway;
    return gateway;
  };
  const app = new Hono();
  app.all("*", (c) =>
    answer(() => connected(options.env ?? (c.env as Env)), c.req.raw, executionContextOf(c)),
  );
  return Object.assign(connected, { app });
}

/** A bad environment stays bad, and is reported once. */
function madeOrRefused<Env extends object>(options: RingbackOptions<Env>, env: Env): Ringback | ConfigError {
  const report = (error: string): void =>
    createLog("error", options.renderLine)("error", "bad-configuration", { error });
  let tasks: readonly AnyTask[];
  try {
    tasks = typeof options.tasks === "function" ? options.tasks(env) : options.tasks;
  } catch (cause) {
    report(`The function that makes the task types failed: ${errorText(cause)}`);
    // The error may quote a secret, and every client reads this.
    return new ConfigError("The function that makes the task types failed: the log says why.", { cause });
  }
  try {
    // Any object may be an environment: what is no text is not read.
    const variables = env as Readonly<Record<string, unknown>>;
    return createGateway({ ...options, tasks }, variables, options.assets?.(env));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report(error.message);
    return error;
  }
}

/** Answers a request; 503 `misconfigured` while the gateway cannot be started. */
export async function answer(
  connected: () => Ringback,
  request: Request,
  ctx: Background | undefined,
): Promise<Response> {
  try {
    return await connected().fetch(request, ctx);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return answerOutside(request, { code: "misconfigured", detail: error.message });
  }
}

/** Hono throws where the runtime gave none, as on Node. */
function executionContextOf(c: Context): Background | undefined {
  try {
    return c.executionCtx;
  } catch {
    return undefined;
  }
}
