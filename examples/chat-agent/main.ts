import { createRingback, type Ringback } from "../../src/app.ts"; // for you: "ringback"
import { collectOffers } from "./task.ts";

interface Env extends Readonly<Record<string, string>> {
  readonly SUPPLIERS_URL: string;
}

let ringback: Ringback | undefined;

function gateway(env: Env): Ringback {
  ringback ??= createRingback({ tasks: [collectOffers(env.SUPPLIERS_URL)] })(env);
  return ringback;
}

interface Background {
  waitUntil(work: Promise<unknown>): void;
}

export default {
  fetch: (request: Request, env: Env, context: Background): Promise<Response> =>
    gateway(env).fetch(request, context),
  scheduled: (_event: unknown, env: Env, context: Background): void =>
    context.waitUntil(gateway(env).sweep(context)),
};
