import * as z from "zod/mini";
import { MASK } from "../../../endpoints/endpoint.ts";
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  type EndpointWithHealth as FoundWithHealth,
  listEndpoints,
  readEndpoint,
} from "../../../endpoints/manage-endpoints.ts";
import {
  ChangedEndpoint,
  type Endpoint as EndpointAnswer,
  EndpointPage,
  EndpointWithHealth,
  type Health,
  NewEndpoint,
} from "../../../endpoints/schema.ts";
import type { EndpointHealth } from "../../../ports/commands/delivery.ts";
import { listEveryProject } from "../../../projects/every-project.ts";
import type { Endpoint } from "../../../projects/project-config.ts";
import type { Infer } from "../../../shared/schema/schema.ts";
import { page } from "../../../shared/schema/schema-fields.ts";
import { spellDuration } from "../../../shared/time/duration.ts";
import { timestamp } from "../../../tasks/view.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../../pipeline/idempotency.ts";
import { type Route, route } from "../../pipeline/route.ts";
import { EndpointPatch, EndpointRequest } from "../../schemas/endpoint-requests.ts";
import { linkTo } from "../tasks/task-answer.ts";

const declared = { tag: "Endpoints", access: "key" } as const;
const one = { ...declared, params: { id: "ep" } } as const;

const create = route({
  ...declared,
  method: "POST",
  path: "/v1/endpoints",
  operation: "createEndpoint",
  summary: "Register an endpoint; its secret is shown",
  description:
    "Its address is checked as for every attempt. Nothing is sent to it before it is verified; events until then are kept as dead letters.",
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  body: EndpointRequest,
  answers: {
    201: {
      description: "Registered: the endpoint, with its secret.",
      body: NewEndpoint,
      headers: ["Location", "Idempotent-Replayed"],
    },
  },
  problems: [...IDEMPOTENCY_PROBLEMS, "unsafe-callback-url", "endpoint-limit-reached", "not-found"],
  async handle({ c, ctx, caller, body, json, reply }) {
    const made = await createEndpoint(ctx, caller, body, await idempotencyIn(ctx, c, json));
    const { endpoint, secret, replayed } = made;
    const headers = {
      Location: `${ctx.settings.publicUrl}/v1/endpoints/${endpoint.id}`,
      ...replayedHeader(replayed),
    };
    return reply(201, { ...endpointView(endpoint), secret }, headers);
  },
});

const list = route({
  ...declared,
  method: "GET",
  path: "/v1/endpoints",
  operation: "listEndpoints",
  summary: "List the project's endpoints, newest first",
  description:
    "All of the project's, with their health. The admin token without `Ringback-Project` reads those of all projects, one project after the other.",
  scope: "endpoints:read",
  scopeCheckedBy: "script",
  query: z.strictObject(page),
  answers: { 200: { description: "A page of endpoints.", body: EndpointPage, headers: ["Link"] } },
  problems: ["not-found"],
  async handle({ c, ctx, caller, query, reply }) {
    const { data, nextCursor } = await listEndpoints(ctx, caller, query);
    const items = data.map(withHealth);
    return reply(200, { data: items, nextCursor: nextCursor ?? null }, linkTo(c, ctx, nextCursor));
  },
  async handleEveryProject({ c, ctx, query, reply }) {
    const { data, nextCursor } = await listEveryProject(ctx, query, "endpoints", (admin, place) =>
      listEndpoints(ctx, admin, place),
    );
    const items = data.map(({ project, item }) => ({ ...withHealth(item), project }));
    return reply(200, { data: items, nextCursor: nextCursor ?? null }, linkTo(c, ctx, nextCursor));
  },
});

const read = route({
  ...one,
  method: "GET",
  path: "/v1/endpoints/:id",
  operation: "getEndpoint",
  summary: "Read an endpoint",
  description: "Without its secret, and with its secret headers masked; and with its health.",
  scope: "endpoints:read",
  scopeCheckedBy: "script",
  answers: { 200: { description: "The endpoint.", body: EndpointWithHealth } },
  async handle({ ctx, caller, params, reply }) {
    return reply(200, withHealth(await readEndpoint(ctx, caller, params.id)));
  },
});

const change = route({
  ...one,
  method: "PATCH",
  path: "/v1/endpoints/:id",
  operation: "updateEndpoint",
  summary: "Change, disable or enable an endpoint",
  description:
    "A JSON Merge Patch (RFC 7396): members that are absent stay, `null` takes one away; headers and metadata are merged by name, and `***` leaves a header's value as it is. Another address has to be verified again; another origin gets no header unless its value is in the same request, by a key with `secrets:read`. Enabling is always possible.",
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  body: EndpointPatch,
  answers: { 200: { description: "Changed: the endpoint.", body: ChangedEndpoint } },
  problems: ["unsafe-callback-url"],
  async handle({ ctx, caller, params, body, reply }) {
    const { endpoint, droppedHeaders } = await changeEndpoint(ctx, caller, params.id, body);
    return reply(200, {
      ...endpointView(endpoint),
      ...(droppedHeaders.length > 0 && { droppedHeaders }),
    });
  },
});

const remove = route({
  ...one,
  method: "DELETE",
  path: "/v1/endpoints/:id",
  operation: "deleteEndpoint",
  summary: "Delete an endpoint",
  description: "Deliveries that are still on their way to it end as dead letters.",
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  answers: { 204: { description: "Forgotten." } },
  async handle({ ctx, caller, params, reply }) {
    await deleteEndpoint(ctx, caller, params.id);
    return reply(204, null);
  },
});

/** An endpoint with its health, as clients read it. */
function withHealth({ endpoint, health }: FoundWithHealth): Infer<typeof EndpointWithHealth> {
  return { ...endpointView(endpoint), health: healthView(endpoint, health) };
}

function healthView(
  endpoint: Endpoint,
  { failures, failingSince, lastSuccessAt, openUntil }: EndpointHealth,
): Health {
  return {
    ...stateOf(endpoint, failures, failingSince, openUntil !== undefined),
    ...(lastSuccessAt !== undefined && { lastSuccessAt: timestamp(lastSuccessAt) }),
    failures,
    ...(failingSince !== undefined && { failingSince: timestamp(failingSince) }),
    circuit: openUntil === undefined ? "closed" : "open",
    ...(openUntil !== undefined && { openUntil: timestamp(openUntil) }),
  };
}

function stateOf(
  { disabled, verifiedAt }: Endpoint,
  failures: number,
  failingSince: number | undefined,
  isOpen: boolean,
): Pick<Health, "state" | "since"> {
  if (disabled) return { state: "disabled", since: timestamp(disabled.at) };
  if (verifiedAt === undefined) return { state: "unverified" };
  if (failures === 0 && !isOpen) return { state: "healthy" };
  return {
    state: isOpen ? "circuit-open" : "failing",
    ...(failingSince !== undefined && { since: timestamp(failingSince) }),
  };
}

/** An endpoint as clients read it: header values that may be secret are masked. */
export function endpointView(endpoint: Endpoint): Infer<typeof EndpointAnswer> {
  const { disabled, verifiedAt, retrySchedule, allowedRate } = endpoint;
  const headers = Object.entries(endpoint.headers ?? {}).map(([name, value]) => [
    name,
    typeof value === "string" ? value : MASK,
  ]);
  return {
    id: endpoint.id,
    url: endpoint.url,
    events: endpoint.events,
    ...(endpoint.description !== undefined && { description: endpoint.description }),
    headers: Object.fromEntries(headers),
    metadata: endpoint.metadata ?? {},
    ...(retrySchedule && { retrySchedule: retrySchedule.map(spellDuration) }),
    ...(endpoint.rateLimit !== undefined && { rateLimit: endpoint.rateLimit }),
    ...(allowedRate !== undefined && { allowedRate }),
    format: endpoint.format,
    signatures: endpoint.signatures,
    verified: verifiedAt !== undefined,
    ...(verifiedAt !== undefined && { verifiedAt: timestamp(verifiedAt) }),
    disabled: disabled !== undefined,
    ...(disabled && { disabledReason: disabled.reason, disabledAt: timestamp(disabled.at) }),
    createdAt: timestamp(endpoint.createdAt),
  };
}

export const endpointRoutes: readonly Route[] = [create, list, read, change, remove];
