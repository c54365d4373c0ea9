import * as z from "zod";
import type { Route, TextParam } from "../../src/http/pipeline/route.ts";
import { routesOf } from "../../src/http/routes/index.ts";
import type { IdPrefix } from "../../src/shared/id.ts";
import { components } from "../../src/shared/schema/schema.ts";
import { SERVICE } from "./shared-stack.ts";

/** The objects that requests for every operation use. */
export interface Things {
  readonly task: string;
  readonly delivery: string;
  readonly endpoint: string;
  readonly key: string;
  readonly project: string;
  /** A completion URL's own part. */
  readonly taskToken: string;
  /** Where a receiver listens. */
  readonly url: string;
}

export interface Wanted {
  readonly method: Route["method"];
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * A request that fits, for every operation, by its `operationId`. It follows from the route's declaration: its path with
 * the ids of these things, and the example of its body. So a new route is in every matrix of the attackers' tests.
 */
export function everyOperation(things: Things): Readonly<Record<string, Wanted>> {
  const own = particular(things);
  return Object.fromEntries(
    routesOf().map((route) => {
      const body = exampleOf(route);
      return [
        route.operation,
        {
          method: route.method,
          path: pathOf(route, things),
          ...(body !== undefined && { body }),
          ...own[route.operation],
        },
      ];
    }),
  );
}

/** Requests that an example cannot be: they name these very things, or must not reach another host. */
function particular(things: Things): Readonly<Record<string, Partial<Wanted>>> {
  const { task, delivery, endpoint, key, project, url } = things;
  const proxied = { headers: { prefer: "respond-async" } };
  const echo = { type: "diagnostics.echo", input: 1 };
  const outcome = new URLSearchParams({ project, task, run: "1", attempt: "1", service: SERVICE });
  return {
    submitTask: { body: echo },
    submitBatch: { body: { tasks: [echo] } },
    getTask: { path: `/v1/tasks/${task}?include=input` },
    proxyGET: proxied,
    proxyPOST: proxied,
    proxyPUT: proxied,
    proxyPATCH: proxied,
    proxyDELETE: proxied,
    completeByUrl: { body: "forged" },
    listDeliveries: { path: `/v1/deliveries?taskId=${task}` },
    createEndpoint: { body: { url, events: ["task.*"] } },
    updateEndpoint: { path: `/v1/endpoints/${endpoint}`, body: { description: "changed" } },
    recoverEndpoint: { body: { since: "2026-01-01T00:00:00Z" } },
    createProject: { body: { name: `made-${project}` } },
    updateProject: { body: { rateLimit: 1 } },
    createApiKey: { body: { project } },
    listApiKeys: { path: `/admin/keys?project=${project}` },
    revokeApiKey: { path: `/admin/keys/${key}?project=${project}` },
    runTask: { body: { v: 1, project, task, run: 1, attempt: 1 } },
    deliverEvent: { body: { v: 1, project, delivery, attempt: 2 } },
    receiveServiceOutcome: {
      path: `/internal/outcome?${outcome}`,
      body: { status: 200, body: btoa("forged"), sourceMessageId: "msg_forged", url: "http://127.0.0.1/v1/" },
    },
    receiveProbe: { body: { v: 1, nonce: "rbp_forged" } },
    sweep: { body: { v: 1 } },
  };
}

/** The example of the body that a route asks for. */
function exampleOf({ body, optionalBody }: Route): unknown {
  return body && !optionalBody ? components.get(body)?.example : undefined;
}

/** The route's path, and those query parameters that it cannot do without, by an example of their field's. */
function pathOf({ path, params = {}, query }: Route, things: Things): string {
  const filled = path.replace(/:(\w+)(?:\{.*\})?/g, (_, name: string) =>
    valueFor(name, params[name], things),
  );
  const search = new URLSearchParams(query && requiredOf(query)).toString();
  return search === "" ? filled : `${filled}?${search}`;
}

function valueFor(name: string, kind: IdPrefix | TextParam | undefined, things: Things): string {
  if (typeof kind === "string") return idOf(kind, things);
  switch (name) {
    case "service":
      return SERVICE;
    case "token":
      return things.taskToken;
    default:
      return kind?.example.replace(/prj_\w+/, things.project) ?? name;
  }
}

function idOf(kind: IdPrefix, { task, delivery, endpoint, key, project }: Things): string {
  const [evt, batch] = ["evt_", "batch_"].map((prefix) => task.replace("task_", prefix));
  const ids = { task, batch: batch ?? "", del: delivery, ep: endpoint, key, prj: project, evt: evt ?? "" };
  return ids[kind];
}

const required = z.object({
  required: z.array(z.string()).default([]),
  properties: z.record(z.string(), z.looseObject({ examples: z.array(z.unknown()).optional() })).default({}),
});

function requiredOf(query: z.core.$ZodType): Record<string, string> {
  const schema = required.parse(z.toJSONSchema(query, { io: "input", unrepresentable: "any" }));
  return Object.fromEntries(
    schema.required.map((name) => [name, String(schema.properties[name]?.examples?.[0] ?? "")]),
  );
}
