import { worker } from "../../src/runtime/workers.ts";
import { deployment } from "./deployment.ts";

/** The gateway as it runs on Workers. */
export default worker(deployment());
