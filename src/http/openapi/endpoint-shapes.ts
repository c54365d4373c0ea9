import * as z from "zod/mini";
import { FORMATS, SIGNATURES } from "../../endpoints/endpoint.ts";
import { as, count, id, opt, pageOf, positive, time } from "./shape.ts";

const signatureKinds = z.array(z.enum(SIGNATURES));

const fields = {
  id: as(id("ep"), "The endpoint's id.", "ep_01kawv0m1ne0p86qyrcy9ba2z4"),
  url: as(z.string(), "Where its events go."),
  events: as(z.array(z.string()), "Which events: names, `task.*`, or `*`.", ["task.*"]),
  description: as(opt(z.string()), "What it is for."),
  headers: as(
    z.record(z.string(), z.string()),
    "Sent along with every event; values that may be secret are shown as `***`.",
  ),
  metadata: as(z.record(z.string(), z.string()), "What the client gave along."),
  retrySchedule: as(opt(z.array(z.string())), "Delays between attempts; absent: the deployment's."),
  rateLimit: as(opt(positive), "Deliveries per second at most."),
  allowedRate: as(
    opt(positive),
    "Deliveries per minute that the receiver allowed in the CloudEvents handshake.",
  ),
  format: as(z.enum(FORMATS), "How bodies are written."),
  signatures: as(signatureKinds, "How events are signed."),
  verified: as(z.boolean(), "Whether its receiver has agreed to be sent events; until then none are."),
  verifiedAt: as(opt(time), "When it did."),
  disabled: as(z.boolean(), "Whether it is sent nothing; what happens meanwhile is kept as dead letters."),
  disabledReason: as(opt(z.string()), "Why; `manual` when a client did not say."),
  disabledAt: as(opt(time), "Since when."),
  createdAt: as(time, "When it was registered."),
};
const Endpoint = as(z.object(fields), "A registered receiver of a project's events.");

const health = z.object({
  failures: as(count, "Failed attempts since the last one that was taken."),
  failingSince: as(opt(time), "When the first of them was; after five days of nothing else it is disabled."),
  circuit: as(z.enum(["closed", "open"]), "Whether its destination's circuit holds deliveries back."),
  openUntil: as(opt(time), "When the next attempt is let through."),
});

const jwk = z.object({
  kty: as(z.literal("OKP"), "RFC 8037."),
  crv: as(z.literal("Ed25519"), "The curve."),
  use: as(z.literal("sig"), "It signs."),
  alg: as(z.literal("EdDSA"), "The algorithm."),
  kid: as(z.string(), "The key's thumbprint (RFC 7638)."),
  x: as(z.string(), "The public key, base64url."),
});

function event(fields: z.core.$ZodLooseShape, description: string) {
  return as(
    z.object({
      type: as(z.string(), "What it is."),
      timestamp: as(time, "When it was made."),
      data: as(
        z.object({
          project: as(id("prj"), "The project's id."),
          endpointId: as(id("ep"), "The endpoint that it is about."),
          ...fields,
        }),
        "About the endpoint.",
      ),
    }),
    description,
  );
}

/** What endpoints and secrets answer with. */
export const endpointShapes = {
  Endpoint,
  EndpointWithHealth: as(
    z.object({ ...fields, health: as(health, "How its deliveries fare.") }),
    "A registered endpoint, and how it fares.",
  ),
  ChangedEndpoint: as(
    z.object({
      ...fields,
      droppedHeaders: as(
        opt(z.array(z.string())),
        "The headers that did not go along to another origin; absent when there were none.",
      ),
    }),
    "A registered endpoint after a change.",
  ),
  NewEndpoint: as(
    z.object({ ...fields, secret: as(z.string(), "Signs its events: `whsec_` and base64.") }),
    "A new endpoint, with its secret.",
  ),
  EndpointPage: pageOf(Endpoint, "endpoints, newest first"),
  VerificationEvent: event(
    { challenge: as(z.string(), "To be repeated in the answer.") },
    "Asks a receiver whether it wants an endpoint's events.",
  ),
  TestEvent: event({ message: as(z.string(), "For people.") }, "A test."),
  EndpointDisabledEvent: event(
    {
      url: as(z.string(), "Its address."),
      reason: as(
        z.enum(["failing", "gone", "receiver"]),
        "Five days of nothing but failures; its receiver answered 410, or `webhook-delivery: disable`.",
      ),
      disabledAt: as(time, "Since when."),
    },
    "An endpoint of the project was disabled by the gateway.",
  ),
  SigningSecret: as(
    z.object({
      secret: as(
        z.string(),
        "Signs every event now: `whsec_` and base64.",
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
      ),
      previous: as(
        z.array(
          z.object({
            secret: as(z.string(), "An older one."),
            expiresAt: as(time, "Until when it signs along."),
          }),
        ),
        "Secrets that were rotated away and still sign along.",
      ),
      signatures: as(signatureKinds, "How events are signed."),
      publicKey: as(opt(z.string()), "Checks signatures `v1a`: `whpk_` and base64."),
      jwks: as(opt(z.url()), "The same as JSON Web Key Set, for anybody."),
    }),
    "What checks events: those of the project's callbacks, or of one endpoint.",
  ),
  Jwks: as(
    z.object({ keys: as(z.array(jwk), "None until a signature `v1a` was first asked for.") }),
    "A JSON Web Key Set (RFC 7517).",
  ),
} as const;
