import { type Assets, createRingback } from "../../src/index.ts"; // for you: "ringback"
import { worker } from "../../src/runtime/workers.ts"; // for you: "ringback/workers"
import { verifyPayment } from "./task.ts";

/** The bank's access is configuration, as all secrets are: no client sees it or sends it. */
interface Env {
  readonly BANK_URL: string;
  readonly BANK_TOKEN: string;
  /** The pages of `/docs` and `/console`, where wrangler.toml has them. */
  readonly ASSETS?: Assets;
}

export default worker(
  createRingback({
    tasks: (env: Env) => [verifyPayment({ url: env.BANK_URL, token: env.BANK_TOKEN })],
    assets: (env: Env) => env.ASSETS,
  }),
);
