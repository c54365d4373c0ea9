import { answer, type Deployment } from "../app.ts";
import { ConfigError } from "../config/config.ts";
import type { Background } from "../ports/background.ts";

/** The default export of a Worker's module. */
export interface Worker<Env extends object> {
  fetch(request: Request, env: Env, ctx: Background): Promise<Response>;
  scheduled(event: unknown, env: Env, ctx: Background): Promise<void>;
}

/**
 * The entry point of a Worker that is a gateway and nothing else. A bad environment is answered 503 `misconfigured`.
 *
 * @example
 * ```ts
 * export default worker(createRingback({ tasks, assets: (env: Env) => env.ASSETS }));
 * ```
 */
export function worker<Env extends object>(ringback: Deployment<Env>): Worker<Env> {
  return {
    fetch: (request, env, ctx) => answer(() => ringback(env), request, ctx),
    async scheduled(event, env, ctx) {
      try {
        await ringback(env).scheduled(event, env, ctx);
      } catch (error) {
        // The log has it, once.
        if (!(error instanceof ConfigError)) throw error;
      }
    },
  };
}
