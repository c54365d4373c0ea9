import { echo } from "./diagnostics-echo.ts";
import { flaky } from "./diagnostics-flaky.ts";
import { waiting } from "./diagnostics-wait.ts";
import { linksCheck } from "./links-check.ts";
import { reportGenerate } from "./report-generate.ts";

/** The task types that every deployment offers. */
export const tasks = [reportGenerate, linksCheck] as const;

/** Those that `RINGBACK_DIAGNOSTICS=true` adds. */
export const diagnostics = [echo, flaky, waiting] as const;
