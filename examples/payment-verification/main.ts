import { createRingback, type Ringback } from "../../src/index.ts"; // for you: "ringback"
import { verifyPayment } from "./task.ts";

interface Env extends Readonly<Record<string, string>> {
  readonly BANK_URL: string;
  readonly BANK_TOKEN: string;
}

let ringback: Ringback | undefined;

/** The bank's access is configuration, as all secrets are: no client sees it or sends it. */
function gateway(env: Env): Ringback {
  const bank = { url: env.BANK_URL, token: env.BANK_TOKEN };
  ringback ??= createRingback({ tasks: [verifyPayment(bank)] })(env);
  return ringback;
}

interface Background {
  waitUntil(work: Promise<unknown>): void;
}

export default {
  fetch: (request: Request, env: Env, context: Background): Promise<Response> =>
    gateway(env).fetch(request, context),
  scheduled: (event: unknown, env: Env, context: Background): Promise<void> =>
    gateway(env).scheduled(event, env, context),
};
