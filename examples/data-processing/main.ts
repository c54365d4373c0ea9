import { createRingback } from "../../src/index.ts"; // for you: "ringback"
import { worker } from "../../src/runtime/workers.ts"; // for you: "ringback/workers"
import { summarizeCsv } from "./task.ts";

export default worker(createRingback({ tasks: [summarizeCsv] }));
