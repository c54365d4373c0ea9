import * as z from "zod/mini";
import { recover } from "../../deliveries/recover.ts";
import { MASK } from "../../endpoints/endpoint.ts";
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  listEndpoints,
  readEndpoint,
  rotateEndpointSecret,
} from "../../endpoints/manage-endpoints.ts";
import { readVerifiers } from "../../endpoints/signing-secrets.ts";
import { testEndpoint, verifyEndpoint } from "../../endpoints/verify-endpoint.ts";
import type { EndpointHealth } from "../../ports/delivery-commands.ts";
import type { Endpoint } from "../../projects/project-config.ts";
import { page } from "../../shared/schema-fields.ts";
import { spellDuration } from "../../shared/time/duration.ts";
import { deliveryView, timestamp } from "../../tasks/view.ts";
import { nextLink } from "../pipeline/headers.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../pipeline/idempotency.ts";
import { answer } from "../pipeline/respond.ts";
import { type Route, route } from "../pipeline/route.ts";
import {
  endpointPatch,
  endpointRequest,
  recoverRequest,
  rotateRequest,
  verifyRequest,
} from "../schemas/endpoint-requests.ts";
import { ROTATED, rotatedAnswer, verifiersView } from "./secrets.ts";

const declared = { tag: "Endpoints", access: "key" } as const;
const one = { ...declared, params: { id: "ep" } } as const;

const create = route({
  ...declared,
  method: "POST",
  path: "/v1/endpoints",
  operation: "createEndpoint",
  summary: "Register an endpoint; its secret is shown",
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  body: endpointRequest,
  answers: { 201: { shape: "NewEndpoint", headers: ["Location", "Idempotent-Replayed"] } },
  problems: [...IDEMPOTENCY_PROBLEMS, "unsafe-callback-url", "endpoint-limit-reached", "not-found"],
  async handle({ c, ctx, caller, body, json }) {
    const made = await createEndpoint(ctx, caller, body, await idempotencyIn(c, json));
    const { endpoint, secret, replayed } = made;
    return answer(
      c,
      201,
      { ...endpointView(endpoint), secret },
      {
        Location: `${ctx.settings.publicUrl}/v1/endpoints/${endpoint.id}`,
        ...replayedHeader(replayed),
      },
    );
  },
});

const list = route({
  ...declared,
  method: "GET",
  path: "/v1/endpoints",
  operation: "listEndpoints",
  summary: "List the project's endpoints, newest first",
  scope: "endpoints:read",
  scopeCheckedBy: "script",
  query: z.strictObject(page),
  answers: { 200: { shape: "EndpointPage", headers: ["Link"] } },
  problems: ["not-found"],
  async handle({ c, ctx, caller, query }) {
    const { data, nextCursor } = await listEndpoints(ctx, caller, query);
    const link = nextCursor && nextLink(ctx.settings.publicUrl, c.req.url, nextCursor);
    const listed = { data: data.map(endpointView), nextCursor: nextCursor ?? null };
    return answer(c, 200, listed, { ...(link && { Link: link }) });
  },
});

const read = route({
  ...one,
  method: "GET",
  path: "/v1/endpoints/:id",
  operation: "getEndpoint",
  summary: "Look an endpoint up",
  scope: "endpoints:read",
  scopeCheckedBy: "script",
  answers: { 200: { shape: "EndpointWithHealth" } },
  async handle({ c, ctx, caller, params }) {
    const { endpoint, health } = await readEndpoint(ctx, caller, params.id);
    return answer(c, 200, { ...endpointView(endpoint), health: healthView(health) });
  },
});

const change = route({
  ...one,
  method: "PATCH",
  path: "/v1/endpoints/:id",
  operation: "updateEndpoint",
  summary: "Change, disable or enable an endpoint",
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  body: endpointPatch,
  answers: { 200: { shape: "ChangedEndpoint" } },
  problems: ["unsafe-callback-url"],
  async handle({ c, ctx, caller, params, body }) {
    const { endpoint, droppedHeaders } = await changeEndpoint(ctx, caller, params.id, body);
    return answer(c, 200, {
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
  summary: "Forget an endpoint",
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  answers: { 204: {} },
  async handle({ c, ctx, caller, params }) {
    await deleteEndpoint(ctx, caller, params.id);
    return c.body(null, 204);
  },
});

const verify = route({
  ...one,
  method: "POST",
  path: "/v1/endpoints/:id/verify",
  operation: "verifyEndpoint",
  summary: "Ask an endpoint's receiver whether it wants events",
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  body: verifyRequest,
  optionalBody: true,
  answers: { 200: { shape: "Endpoint", headers: ["Idempotent-Replayed"] } },
  problems: [...IDEMPOTENCY_PROBLEMS, "verification-failed"],
  async handle({ c, ctx, caller, params, body, json }) {
    const idempotency = await idempotencyIn(c, json);
    const verified = await verifyEndpoint(ctx, caller, params.id, body.verification, idempotency);
    return answer(c, 200, endpointView(verified.endpoint), replayedHeader(verified.replayed));
  },
});

const test = route({
  ...one,
  method: "POST",
  path: "/v1/endpoints/:id/test",
  operation: "testEndpoint",
  summary: "Send an endpoint a test event",
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  answers: { 200: { shape: "TestAttempt" } },
  problems: ["endpoint-closed"],
  async handle({ c, ctx, caller, params }) {
    return answer(c, 200, await testEndpoint(ctx, caller, params.id));
  },
});

const recoverRoute = route({
  ...one,
  method: "POST",
  path: "/v1/endpoints/:id/recover",
  operation: "recoverEndpoint",
  summary: "Send an endpoint's dead letters again",
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  body: recoverRequest,
  answers: {
    200: { shape: "Recovery" },
    202: { shape: "Recovery", headers: ["Idempotent-Replayed"] },
  },
  problems: [...IDEMPOTENCY_PROBLEMS, "endpoint-closed"],
  async handle({ c, ctx, caller, params, body, json }) {
    const { dryRun } = body;
    const idempotency = dryRun ? undefined : await idempotencyIn(c, json);
    const found = await recover(ctx, caller, params.id, body, idempotency);
    const { count, recovered, pace, deliveries, nextCursor = null, replayed } = found;
    const listed = deliveries.map((record) => deliveryView(record, { attempts: false }));
    return answer(
      c,
      dryRun ? 200 : 202,
      { dryRun, count, recovered, remaining: count - recovered, pace, deliveries: listed, nextCursor },
      replayedHeader(replayed),
    );
  },
});

const readSecret = route({
  ...one,
  method: "GET",
  path: "/v1/endpoints/:id/secret",
  operation: "getEndpointSecret",
  summary: "Read the secret that signs an endpoint's events",
  scope: "secrets:read",
  scopeCheckedBy: "script",
  answers: { 200: { shape: "SigningSecret" } },
  async handle({ c, ctx, caller, params }) {
    const verifiers = await readVerifiers(ctx, caller, params.id);
    return answer(c, 200, verifiersView(ctx, caller, verifiers));
  },
});

const rotate = route({
  ...one,
  method: "POST",
  path: "/v1/endpoints/:id/rotate-secret",
  operation: "rotateEndpointSecret",
  summary: "Give an endpoint a new secret",
  scope: "secrets:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  body: rotateRequest,
  optionalBody: true,
  answers: ROTATED,
  problems: [...IDEMPOTENCY_PROBLEMS, "too-many-secrets"],
  async handle({ c, ctx, caller, params, body, json }) {
    const idempotency = await idempotencyIn(c, json);
    const replayed = await rotateEndpointSecret(ctx, caller, params.id, body.overlap, idempotency);
    return await rotatedAnswer(c, ctx, caller, replayed, params.id);
  },
});

function healthView({ failures, failingSince, openUntil }: EndpointHealth) {
  return {
    failures,
    ...(failingSince !== undefined && { failingSince: timestamp(failingSince) }),
    circuit: openUntil === undefined ? "closed" : "open",
    ...(openUntil !== undefined && { openUntil: timestamp(openUntil) }),
  };
}

/** An endpoint as clients read it: header values that may be secret are masked. */
export function endpointView(endpoint: Endpoint) {
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

export const endpointRoutes: readonly Route[] = [
  create,
  list,
  read,
  change,
  remove,
  verify,
  test,
  recoverRoute,
  readSecret,
  rotate,
];
