import { test as base } from "vitest";
import { type Client, newProject, type Reply } from "./client.ts";
import { task } from "./contract.ts";
import { ownStack } from "./own-stack.ts";
import { Receiver } from "./receiver.ts";
import { QUICK, type SharedStack } from "./shared-stack.ts";
import type { Gateway } from "./stack.ts";
import { Upstream } from "./upstream.ts";

/** The deployer's secrets: in variables of their own, sent with every call. */
export const SECRETS = {
  UPSTREAM_TOKEN: "upstream-token-5f0c9d",
  UPSTREAM_COOKIE: "upstream-cookie-77ab21",
} as const;

/** A place in the configuration that the variable fills. */
const filledBy = (name: keyof typeof SECRETS): string => `$\{${name}}`;

/** The services of the deployment, as `RINGBACK_SERVICES` has them. */
function configuration(baseUrl: string): string {
  const common = { baseUrl, paths: ["/v1/"], retries: 2 };
  return JSON.stringify([
    {
      ...common,
      name: "plain",
      paths: ["/v1/", "/v2/only"],
      methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
      headers: {
        Authorization: `Bearer ${filledBy("UPSTREAM_TOKEN")}`,
        Cookie: `session=${filledBy("UPSTREAM_COOKIE")}`,
      },
      requestHeaders: ["X-Tenant"],
      responseHeaders: ["X-Cost"],
    },
    { ...common, name: "small", responseLimit: "1KiB" },
    { ...common, name: "brief", timeout: "1s", retries: 0 },
    { ...common, name: "token", completion: "token", headers: { "X-Key": filledBy("UPSTREAM_TOKEN") } },
    {
      ...common,
      name: "poll",
      completion: "poll",
      poll: { interval: "1s", pending: ["working"] },
      headers: { "X-Key": filledBy("UPSTREAM_TOKEN") },
    },
    { ...common, name: "patient", timeout: "3m", retries: 0 },
    { ...common, name: "narrow", concurrency: 1 },
  ]);
}

/** The environment of a gateway with those services. */
export function servicesEnvironment(upstream: Upstream): Readonly<Record<string, string>> {
  return { ...QUICK, ...SECRETS, RINGBACK_SERVICES: configuration(upstream.url) };
}

interface Fixtures {
  readonly upstream: Upstream;
  readonly receiver: Receiver;
  /** A whole of this file's own: another gateway's sweep would know none of these services. */
  readonly stack: SharedStack & { readonly gateway: Gateway };
  /** A client in a project of this file's own. */
  readonly client: Client;
}

/** A test against a gateway with services. */
export const test = base.extend<{ $file: Fixtures }>({
  upstream: [
    async ({}, use) => {
      const upstream = await Upstream.start();
      await use(upstream);
      await upstream.stop();
    },
    { scope: "file" },
  ],
  receiver: [
    async ({}, use) => {
      const receiver = await Receiver.start();
      await use(receiver);
      await receiver.stop();
    },
    { scope: "file" },
  ],
  stack: [({ upstream }, use) => ownStack(servicesEnvironment(upstream), use), { scope: "file" }],
  client: [
    async ({ stack }, use) => use(await newProject(stack.gateway, `services-${crypto.randomUUID()}`)),
    { scope: "file" },
  ],
});

/** Submits an `http.request` and gives the task's id. */
export async function request(
  client: Client,
  input: Readonly<Record<string, unknown>>,
  rest: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const { id } = await client.submit({ type: "http.request", input: { method: "POST", ...input }, ...rest });
  return id;
}

/** Sends a request through the proxy. */
export function proxied(
  client: Client,
  method: string,
  target: string,
  options: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Reply> {
  const headers = { prefer: "respond-async", ...options.headers };
  return client.send(method, `/v1/proxy/${target}`, { ...options, headers });
}

/** The id of the task that a proxied request was accepted as. */
export function acceptedAs(reply: Reply): string {
  if (reply.status !== 202) throw new Error(`${reply.status} instead of 202: ${reply.text}`);
  return task.parse(reply.json()).id;
}

/** The service's answer as the gateway gives it back, its bytes untouched. */
export async function raw(client: Client, id: string): Promise<{ response: Response; bytes: Buffer }> {
  const response = await fetch(`${client.url}/v1/tasks/${id}/result?raw`, {
    headers: { authorization: client.authorization, "accept-encoding": "identity" },
    redirect: "manual",
  });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
}
