import { withFields } from "../shared/log/log.ts";
import { logChanges } from "../tasks/log-changes.ts";
import type { Background } from "./background.ts";
import type { Dependencies, RequestContext } from "./dependencies.ts";

/** The parts for one request or one sweep: its lines in the log carry the request's id, and each change has a line. */
export function contextOf(deps: Dependencies, background: Background, requestId?: string): RequestContext {
  const log = requestId === undefined ? deps.log : withFields(deps.log, { requestId });
  return { ...deps, log, store: logChanges(deps.store, log), background };
}
