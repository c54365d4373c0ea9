import { createRingback, type Ringback } from "../../src/index.ts"; // for you: "ringback"
import { encodeVideo } from "./task.ts";

interface Env extends Readonly<Record<string, string>> {
  readonly ENCODER_URL: string;
  readonly ENCODER_TOKEN: string;
}

let ringback: Ringback | undefined;

/** Where the encoder is and what it asks for is configuration: no client sees it or sends it. */
function gateway(env: Env): Ringback {
  const encoder = { url: env.ENCODER_URL, token: env.ENCODER_TOKEN };
  ringback ??= createRingback({ tasks: [encodeVideo(encoder)] })(env);
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
