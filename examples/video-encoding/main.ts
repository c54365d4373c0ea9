import { type Assets, createRingback } from "../../src/index.ts"; // for you: "ringback"
import { worker } from "../../src/runtime/workers.ts"; // for you: "ringback/workers"
import { encodeVideo } from "./task.ts";

/** Where the encoder is and what it asks for is configuration: no client sees it or sends it. */
interface Env {
  readonly ENCODER_URL: string;
  readonly ENCODER_TOKEN: string;
  /** The pages of `/docs` and `/console`, where wrangler.toml has them. */
  readonly ASSETS?: Assets;
}

export default worker(
  createRingback({
    tasks: (env: Env) => [encodeVideo({ url: env.ENCODER_URL, token: env.ENCODER_TOKEN })],
    assets: (env: Env) => env.ASSETS,
  }),
);
