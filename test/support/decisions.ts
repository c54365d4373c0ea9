import type { Route } from "../../src/http/pipeline/route.ts";
import { SERVICE } from "./shared-stack.ts";

/** An API key with the scope `admin`; the admin token alone is `admin`. */
export const SCOPE_ADMIN = "scope:admin";

/** The permitted callers of a route: a scope of an API key, or another proof. */
export function needsOf({ access, scope }: Route): string {
  if (!access.startsWith("key")) return access;
  return scope === "admin" ? SCOPE_ADMIN : (scope?.replace("{service}", SERVICE) ?? "no scope");
}

/**
 * Routes that are not as their address says. It is written down here a second time, so that a route that is opened, or
 * that asks for less than its address says, is found.
 */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  createEventsToken: "tasks:read", // it changes nothing
  pauseProject: SCOPE_ADMIN,
  resumeProject: SCOPE_ADMIN,
  pauseTaskType: SCOPE_ADMIN,
  resumeTaskType: SCOPE_ADMIN,
  createBrowserToken: "tasks:read", // neither does this
  getEndpointSecret: "secrets:read",
  rotateEndpointSecret: "secrets:write",
  reportProgress: "task-token",
  reportHeartbeat: "task-token",
  completeTask: "task-token",
  failTask: "task-token",
  completeByUrl: "open", // its token is in the path
  getPublicKeys: "open",
  getLandingPage: "open",
  getHealth: "open",
  getReadiness: "open",
  getMetrics: "metrics",
  getOpenApi: "open",
  getDocs: "open",
  getDocsScript: "open",
  getConsole: "open",
  getConsoleFile: "open",
  createConsoleSession: "open", // it takes a credential
  getConsoleSession: "open", // only a session's own
  deleteConsoleSession: "open", // it only takes the caller's cookie away
  listProblems: "open",
  listGuides: "open",
  getGuide: "open",
  getPage: "open",
  listPagesForPrograms: "open",
  getProblem: "open",
};

/**
 * The permitted callers of a route, by its address and method: an address under `/v1` outside all families is a task's.
 */
export function decisionOn({ operation, method, path }: Route): string {
  const exception = EXCEPTIONS[operation];
  if (exception !== undefined) return exception;
  const [, top, resource = ""] = path.split("/");
  if (top === "admin") return "admin";
  if (top === "internal") return "queue";
  if (top !== "v1") return "a line in EXCEPTIONS of test/support/decisions.ts: it is outside of /v1";
  if (resource === "proxy") return `service:${SERVICE}`;
  const family = { endpoints: "endpoints", "signing-secret": "secrets" }[resource] ?? "tasks";
  return `${family}:${method === "GET" ? "read" : "write"}`;
}
