import { createRingback, type Ringback } from "../../src/index.ts"; // for you: "ringback"
import { sendMail } from "./task.ts";

interface Env extends Readonly<Record<string, string>> {
  readonly MAILER_URL: string;
  readonly MAILER_TOKEN: string;
}

let ringback: Ringback | undefined;

/** Where the mailer is and what it asks for is configuration: no client sees it or sends it. */
function gateway(env: Env): Ringback {
  const mailer = { url: env.MAILER_URL, token: env.MAILER_TOKEN };
  ringback ??= createRingback({ tasks: [sendMail(mailer)] })(env);
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
