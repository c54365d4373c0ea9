import { type Assets, createRingback } from "../../src/index.ts"; // for you: "ringback"
import { worker } from "../../src/runtime/workers.ts"; // for you: "ringback/workers"
import { sendMail } from "./task.ts";

/** Where the mailer is and what it asks for is configuration: no client sees it or sends it. */
interface Env {
  readonly MAILER_URL: string;
  readonly MAILER_TOKEN: string;
  /** The pages of `/docs` and `/console`, where wrangler.toml has them. */
  readonly ASSETS?: Assets;
}

export default worker(
  createRingback({
    tasks: (env: Env) => [sendMail({ url: env.MAILER_URL, token: env.MAILER_TOKEN })],
    assets: (env: Env) => env.ASSETS,
  }),
);
