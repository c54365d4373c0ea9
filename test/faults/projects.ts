import * as z from "zod";
import { signingSecret } from "../support/contract.ts";
import { StormClient } from "./client.ts";
import type { Reader } from "./collect.ts";
import type { Receivers } from "./receivers.ts";
import { ADMIN_TOKEN, type World } from "./world.ts";

/** A project that clients of the storm use. */
export interface StormProject extends Reader {
  readonly client: StormClient;
  /** Asks under the admin token. */
  readonly admin: StormClient;
  /** The clients' way to the gateways. */
  readonly url: string;
  /** The path at which its callbacks arrive. */
  readonly callback: string;
  /** Its endpoints' ids, with what each subscribes to. */
  readonly endpoints: Readonly<Record<string, readonly string[]>>;
  /** The paths at which they are called, by their ids. */
  readonly hooks: Readonly<Record<string, string>>;
}

/** Which endpoints each project has. */
const ENDPOINTS: readonly (readonly (readonly string[])[])[] = [
  [["task.*"], ["task.failed", "task.canceled"]],
  [["task.*"]],
  [],
];

const madeEndpoint = z.looseObject({ id: z.string(), secret: z.string() });
const madeKey = z.looseObject({ key: z.string(), project: z.looseObject({ id: z.string() }) });

/** Makes the projects before the storm begins: keys, secrets and verified endpoints. */
export function makeProjects(world: World, receivers: Receivers): Promise<readonly StormProject[]> {
  return Promise.all(
    ENDPOINTS.map((wanted, index) => makeProject(world, receivers, `storm-${index + 1}`, wanted)),
  );
}

async function makeProject(
  world: World,
  receivers: Receivers,
  name: string,
  wanted: readonly (readonly string[])[],
): Promise<StormProject> {
  const made = await call(world, ADMIN_TOKEN, "POST", "/admin/keys", { project: name });
  const { key, project } = madeKey.parse(made);
  const callback = receivers.hook(project.id, "callback");
  receivers.trust(callback, signingSecret.parse(await call(world, key, "GET", "/v1/signing-secret")).secret);
  const hooks = world.links["gateway-receiver"].url;
  const endpoints: Record<string, readonly string[]> = {};
  const paths: Record<string, string> = {};
  for (const [index, events] of wanted.entries()) {
    const path = receivers.hook(project.id, `endpoint-${index + 1}`);
    const body = { url: hooks + path, events };
    const { id, secret } = madeEndpoint.parse(await call(world, key, "POST", "/v1/endpoints", body));
    receivers.trust(path, secret, id);
    await call(world, key, "POST", `/v1/endpoints/${id}/verify`);
    endpoints[id] = events;
    paths[id] = path;
  }
  const { url } = world.links["client-gateway"];
  const client = new StormClient(url, project.id, key);
  const admin = new StormClient(url, project.id, ADMIN_TOKEN);
  return { project: project.id, key, url, client, admin, callback, endpoints, hooks: paths };
}

/** Before the storm everything must go well. */
async function call(
  world: World,
  bearer: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await fetch(world.aGateway() + path, {
    method,
    headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}
