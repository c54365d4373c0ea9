import { ConfigError, createRingback, type Ringback } from "./app.ts";
import { answerMisconfigured } from "./http/pipeline/misconfigured.ts";
import type { Assets } from "./http/routes/static.ts";
import type { Background } from "./ports/background.ts";
import { log } from "./shared/log.ts";
import { diagnostics, tasks } from "./task-types/index.ts";

/** The bindings of wrangler.toml and the deployment's variables and secrets. */
interface Env extends Readonly<Record<string, unknown>> {
  readonly ASSETS?: Assets;
}

const connect = createRingback({ tasks, diagnostics });
let gateway: Ringback | ConfigError | undefined;

/** An isolate serves one deployment: its environment never changes, so a bad one is reported once. */
function gatewayOf(env: Env): Ringback | ConfigError {
  gateway ??= connected(env);
  return gateway;
}

function connected(env: Env): Ringback | ConfigError {
  try {
    return connect(env, env.ASSETS);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log("error", "bad-configuration", { error: error.message });
    return error;
  }
}

export default {
  async fetch(request: Request, env: Env, context: Background): Promise<Response> {
    const ringback = gatewayOf(env);
    if (ringback instanceof ConfigError) return answerMisconfigured(request, ringback.message);
    return ringback.fetch(request, context);
  },
  scheduled(_event: unknown, env: Env, context: Background): void {
    const ringback = gatewayOf(env);
    if (!(ringback instanceof ConfigError)) context.waitUntil(ringback.sweep(context));
  },
};
