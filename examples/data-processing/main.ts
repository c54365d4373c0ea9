import { type Assets, createRingback } from "../../src/index.ts"; // for you: "ringback"
import { worker } from "../../src/runtime/workers.ts"; // for you: "ringback/workers"
import { summarizeCsv } from "./task.ts";

interface Env {
  readonly ASSETS?: Assets;
}

export default worker(createRingback({ tasks: [summarizeCsv], assets: (env: Env) => env.ASSETS }));
