import { createRingback, type Ringback } from "../../src/index.ts"; // for you: "ringback"
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
  scheduled: (event: unknown, env: Env, context: Background): Promise<void> =>
    gateway(env).scheduled(event, env, context),
};
