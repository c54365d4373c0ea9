import { createRingback, type Ringback } from "./app.ts";
import type { Background } from "./flow/ports.ts";
import type { Assets } from "./http/static.ts";
import { diagnostics, tasks } from "./tasks/index.ts";

/** The bindings of wrangler.toml and the deployment's variables and secrets. */
interface Env extends Readonly<Record<string, unknown>> {
  readonly ASSETS?: Assets;
}

const connect = createRingback({ tasks, diagnostics });
let ringback: Ringback | undefined;

/** An isolate serves one deployment: its environment never changes. */
function gateway(env: Env): Ringback {
  ringback ??= connect(env, env.ASSETS);
  return ringback;
}

export default {
  fetch: (request: Request, env: Env, context: Background): Promise<Response> =>
    gateway(env).fetch(request, context),
  scheduled: (_event: unknown, env: Env, context: Background): void => {
    context.waitUntil(gateway(env).sweep(context));
  },
};
