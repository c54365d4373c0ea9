import { createRingback, type Ringback } from "../../src/index.ts";
import { tasks } from "./stray-tasks.ts";

const connect = createRingback({ tasks });
let ringback: Ringback | undefined;

export default {
  fetch(
    request: Request,
    env: Readonly<Record<string, string>>,
    background: { waitUntil(work: Promise<unknown>): void },
  ): Promise<Response> {
    ringback ??= connect(env);
    return ringback.fetch(request, background);
  },
};
