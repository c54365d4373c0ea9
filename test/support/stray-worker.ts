import { createRingback } from "../../src/index.ts";
import { worker } from "../../src/runtime/workers.ts";
import { tasks } from "./stray-tasks.ts";

export default worker(createRingback({ tasks }));
