import { type Assets, createRingback } from "../../src/index.ts"; // for you: "ringback"
import { worker } from "../../src/runtime/workers.ts"; // for you: "ringback/workers"
import { collectOffers } from "./task.ts";

/** The address of the suppliers is configuration: no client sees it or sends it. */
interface Env {
  readonly SUPPLIERS_URL: string;
  /** The pages of `/docs` and `/console`, where wrangler.toml has them. */
  readonly ASSETS?: Assets;
}

export default worker(
  createRingback({
    tasks: (env: Env) => [collectOffers(env.SUPPLIERS_URL)],
    assets: (env: Env) => env.ASSETS,
  }),
);
