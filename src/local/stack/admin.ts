import { setTimeout as sleep } from "node:timers/promises";

/** The development values under `npm start`; deployments have their own and no default. */
export const DEVELOPMENT = {
  masterSecret: "development-master-secret",
  adminToken: "development-admin-token",
} as const;

const REPEAT_MS = 100;

export interface Admin {
  /** The gateway, without a slash at the end. */
  readonly url: string;
  readonly token: string;
}

/** The gateway refused what it was asked. */
class AdminError extends Error {
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
  throw new Error("the gateway made a key and did not say which");
}

/** Repeats until the gateway listens and its Redis answers; a refusal ends it, and so does the signal. */
export async function untilAnswered<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AdminError && error.status < 500) throw error;
      await sleep(REPEAT_MS, undefined, { signal });
    }
  }
}

async function post({ url, token }: Admin, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (!response.ok) throw new AdminError(response.status, `POST ${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}
