import { recover } from "../../../deliveries/recover.ts";
import { Endpoint as EndpointAnswer, Recovery, TestAttempt } from "../../../endpoints/schema.ts";
import { testEndpoint, verifyEndpoint } from "../../../endpoints/verify-endpoint.ts";
import { deliverySummary } from "../../../tasks/view.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../../pipeline/idempotency.ts";
import { type Route, route } from "../../pipeline/route.ts";
import { RecoverRequest, VerifyRequest } from "../../schemas/endpoint-requests.ts";

import { endpointView } from "./endpoints.ts";

const declared = { tag: "Endpoints", access: "key" } as const;
const one = { ...declared, params: { id: "ep" } } as const;

const verify = route({
  ...one,
  method: "POST",
  path: "/v1/endpoints/:id/verify",
  operation: "verifyEndpoint",
  summary: "Ask an endpoint's receiver whether it wants events",
  description:
    'Sends a signed `endpoint.verification` event whose `data.challenge` the receiver must repeat in its answer, as JSON `{"challenge": …}` or as plain text; or makes the handshake of the CloudEvents HTTP webhook specification.',
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  body: VerifyRequest,
  optionalBody: true,
  answers: {
    200: { description: "Verified: the endpoint.", body: EndpointAnswer, headers: ["Idempotent-Replayed"] },
  },
  problems: [...IDEMPOTENCY_PROBLEMS, "verification-failed"],
  async handle({ c, ctx, caller, params, body, json, reply }) {
    const idempotency = await idempotencyIn(ctx, c, json);
    const verified = await verifyEndpoint(ctx, caller, params.id, body.verification, idempotency);
    return reply(200, endpointView(verified.endpoint), replayedHeader(verified.replayed));
  },
});

const test = route({
  ...one,
  method: "POST",
  path: "/v1/endpoints/:id/test",
  operation: "testEndpoint",
  summary: "Send an endpoint a test event",
  description: "Sends `endpoint.test` once, at once, and returns the outcome.",
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  answers: { 200: { description: "The outcome.", body: TestAttempt } },
  problems: ["endpoint-closed"],
  async handle({ ctx, caller, params, reply }) {
    return reply(200, await testEndpoint(ctx, caller, params.id));
  },
});

const recoverRoute = route({
  ...one,
  method: "POST",
  path: "/v1/endpoints/:id/recover",
  operation: "recoverEndpoint",
  summary: "Send an endpoint's dead letters again",
  description:
    "Each goes out with its event id and body as they were, its schedule from the start, `pace` of them per second (the endpoint's rate, else 10). One call takes up to 1,000, oldest first; `nextCursor` as `cursor` continues with the rest. `dryRun` says how many there are, and shows 100.",
  scope: "endpoints:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  body: RecoverRequest,
  answers: {
    200: { description: "A dry run: the deliveries that would be sent.", body: Recovery },
    202: {
      description: "The deliveries are being sent again.",
      body: Recovery,
      headers: ["Idempotent-Replayed"],
    },
  },
  problems: [...IDEMPOTENCY_PROBLEMS, "endpoint-closed"],
  async handle({ c, ctx, caller, params, body, json, reply }) {
    const { dryRun } = body;
    const idempotency = dryRun ? undefined : await idempotencyIn(ctx, c, json);
    const found = await recover(ctx, caller, params.id, body, idempotency);
    const { count, recovered, pace, deliveries, nextCursor = null, replayed } = found;
    const recovery = {
      dryRun,
      count,
      recovered,
      remaining: count - recovered,
      pace,
      deliveries: deliveries.map(deliverySummary),
      nextCursor,
    };
    return dryRun ? reply(200, recovery) : reply(202, recovery, replayedHeader(replayed));
  },
});

export const endpointActions: readonly Route[] = [verify, test, recoverRoute];
