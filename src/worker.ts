import { createRingback } from "./app.ts";
import type { Assets } from "./http/routes/pages/static.ts";
import { worker } from "./runtime/workers.ts";
import { diagnostics, tasks } from "./task-types/index.ts";

/** The binding of wrangler.toml, and the deployment's variables and secrets. */
interface Env extends Readonly<Record<string, unknown>> {
  readonly ASSETS?: Assets;
}

export default worker(createRingback({ tasks, diagnostics, assets: (env: Env) => env.ASSETS }));
