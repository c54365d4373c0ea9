import { createRingback, type Ringback } from "../../src/app.ts"; // for you: "ringback"
import { drawReport } from "./task.ts";

type Env = Readonly<Record<string, string>>;

const connect = createRingback({ tasks: [drawReport] });
let ringback: Ringback | undefined;

function gateway(env: Env): Ringback {
  ringback ??= connect(env);
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
