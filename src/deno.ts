import { createRingback, serve } from "./runtime/deno.ts";
import { diagnostics, tasks } from "./task-types/index.ts";

serve(createRingback({ tasks, diagnostics }));
