import { createRingback } from "../../src/index.ts"; // for you: "ringback"
import { worker } from "../../src/runtime/workers.ts"; // for you: "ringback/workers"
import { drawReport } from "./task.ts";

export default worker(createRingback({ tasks: [drawReport] }));
