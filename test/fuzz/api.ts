import { setTimeout as sleep } from "node:timers/promises";

/** Asks a gateway as a well-behaved client; what is no 2xx is an error. */
export async function ask<Answer>(
  gateway: string,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(gateway + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as Answer; // the caller knows the operation
}

export interface Key {
  readonly id: string;
  readonly key: string;
  readonly project: { readonly id: string };
}

/** Makes an API key, and its project when the name is new. */
export function makeKey(
  { url, adminToken }: { readonly url: string; readonly adminToken: string },
  project: string,
  scopes?: readonly string[],
): Promise<Key> {
  return ask(url, adminToken, "POST", "/admin/keys", { project, ...(scopes && { scopes }) });
}

/** Asks again until the answer is as it shall be; gives up after 30 s. */
export async function until<Value>(
  look: () => Promise<Value>,
  right: (value: Value) => boolean,
): Promise<Value> {
  const end = Date.now() + 30_000;
  for (;;) {
    const value = await look();
    if (right(value)) return value;
    if (Date.now() > end) throw new Error(`it did not come: ${JSON.stringify(value).slice(0, 500)}`);
    await sleep(100);
  }
}
