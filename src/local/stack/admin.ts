import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailure, codeOf, failureLine } from "../command/failure.ts";
import { waitingLine } from "../command/patience.ts";

/** The development values under `npm start`; deployments have their own and no default. */
export const DEVELOPMENT = {
  masterSecret: "development-master-secret",
  adminToken: "development-admin-token",
} as const;

const REPEAT_MS = 100;

/** How long a gateway that starts is waited for without a word. */
const PATIENCE_MS = 5_000;

export interface Admin {
  /** The gateway, without a slash at the end. */
  readonly url: string;
  readonly token: string;
}

/** The gateway answered, and not with what it was asked for. */
class AdminError extends CommandFailure {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Makes a project, or finds the one of that name. */
export async function makeProject(admin: Admin, name: string): Promise<void> {
  await post(admin, "/admin/projects", { name });
}

/** Makes an API key and gives its text, which nobody can read again. */
export async function makeKey(
  admin: Admin,
  request: { project: string; scopes: readonly string[]; name: string },
): Promise<string> {
  const made = await post(admin, "/admin/keys", request);
  if (typeof made === "object" && made && "key" in made && typeof made.key === "string") return made.key;
  throw new CommandFailure("it made a key and did not say which");
}

/**
 * Repeats until the gateway listens and its Redis answers, and says while it takes long what it waits for; a refusal
 * ends it, and so does the signal.
 */
export async function untilAnswered<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const waiting = waitingLine((line) => console.error(line), PATIENCE_MS);
  for (;;) {
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AdminError && error.status < 500) throw error;
      waiting(waitingFor(error));
      await sleep(REPEAT_MS, undefined, { signal });
    }
  }
}

/** A gateway that starts answers late: that is no fault, and is not reported as one. */
function waitingFor(error: unknown): string {
  if (error instanceof AdminError) return `gateway: not ready yet: ${failureLine(error)}; trying again`;
  return "gateway: still starting; on a busy machine that takes up to two minutes";
}

async function post({ url, token }: Admin, path: string, body: unknown): Promise<unknown> {
  const { status, text } = await send(`${url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (status >= 200 && status < 300) return parse(text);
  const problem = parse(text);
  const detail = typeof problem === "object" && problem && "detail" in problem ? `: ${problem.detail}` : "";
  throw new AdminError(status, `it answered ${status}${detail}`);
}

async function send(url: string, init: RequestInit) {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw new CommandFailure(`it does not answer (${codeOf(error)})`, { cause: error });
  }
}

/** An answer's JSON; undefined when it is not JSON, which no answer of a gateway is. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // its status says enough
  }
}
