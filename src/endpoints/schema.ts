import * as z from "zod/mini";
import { Attempt, DeliverySummary, deliveryExample } from "../deliveries/schema.ts";
import {
  component,
  count,
  field,
  type Infer,
  opt,
  pageOf,
  positive,
  time,
  typeId,
} from "../shared/schema/schema.ts";
import { FORMATS, SIGNATURES } from "./endpoint.ts";

export const signatureKinds = z.array(z.enum(SIGNATURES));

const fields = () => ({
  id: field(typeId("ep"), "The endpoint's id.", "ep_01kawv0m1ne0p86qyrcy9ba2z4"),
  url: field(z.string(), "Where its events go."),
  events: field(z.array(z.string()), "Which events: names, `task.*`, or `*`.", ["task.*"]),
  description: field(opt(z.string()), "Its purpose."),
  headers: field(
    z.record(z.string(), z.string()),
    "Sent along with every event; values that may be secret are shown as `***`.",
  ),
  metadata: field(z.record(z.string(), z.string()), "Metadata from the client."),
  retrySchedule: field(opt(z.array(z.string())), "Delays between attempts; absent: the deployment's."),
  rateLimit: field(opt(positive), "Deliveries per second at most."),
  allowedRate: field(
    opt(positive),
    "Deliveries per minute that the receiver allowed in the CloudEvents handshake.",
  ),
  format: field(z.enum(FORMATS), "How bodies are written."),
  signatures: field(signatureKinds, "How events are signed."),
  verified: field(z.boolean(), "Whether its receiver has agreed to be sent events; until then none are."),
  verifiedAt: field(opt(time), "When it did."),
  disabled: field(z.boolean(), "Whether it receives nothing; events meanwhile are kept as dead letters."),
  disabledReason: field(opt(z.string()), "Why; `manual` when a client did not say."),
  disabledAt: field(opt(time), "Since when."),
  createdAt: field(time, "When it was registered."),
});

const example = {
  id: "ep_01kawv0m1ne0p86qyrcy9ba2z4",
  url: "https://shop.example.com/hooks",
  events: ["task.*"],
  headers: { "x-shop": "4711", authorization: "***" },
  metadata: { team: "orders" },
  format: "full",
  signatures: ["v1"],
  verified: true,
  verifiedAt: "2026-11-24T09:00:00.000Z",
  disabled: false,
  createdAt: "2026-11-24T08:59:00.000Z",
} as const;

export const Endpoint = component("Endpoint", () => z.object(fields()), {
  description: "A registered receiver of a project's events.",
  example,
});
export type Endpoint = Infer<typeof Endpoint>;

const health = z.lazy(() =>
  z.object({
    state: field(
      z.enum(["healthy", "failing", "circuit-open", "unverified", "disabled"]),
      "`failing`: the last attempt failed; `circuit-open`: its destination fails, deliveries are held back; `unverified` and `disabled`: events become dead letters.",
    ),
    since: field(opt(time), "Since when it is in this state; absent while it is healthy or unverified."),
    lastSuccessAt: field(opt(time), "When a delivery succeeded last; absent where none has in 60 days."),
    failures: field(count, "Failed attempts since the last success."),
    failingSince: field(
      opt(time),
      "When the first of them was; after five days of nothing else it is disabled.",
    ),
    circuit: field(z.enum(["closed", "open"]), "Whether its destination's circuit holds deliveries back."),
    openUntil: field(opt(time), "When the next attempt is let through."),
  }),
);
export type Health = Infer<typeof health>;

export const EndpointWithHealth = component(
  "EndpointWithHealth",
  () =>
    z.object({
      ...fields(),
      project: field(opt(typeId("prj")), "In a list over all projects: the project's id."),
      health: field(health, "The health of its deliveries."),
    }),
  {
    description: "A registered endpoint, with its health.",
    example: {
      ...example,
      health: {
        state: "healthy",
        lastSuccessAt: "2026-11-24T09:00:00.560Z",
        failures: 0,
        circuit: "closed",
      },
    },
  },
);

export const EndpointPage = pageOf("EndpointPage", EndpointWithHealth, "endpoints, newest first");

export const ChangedEndpoint = component(
  "ChangedEndpoint",
  () =>
    z.object({
      ...fields(),
      droppedHeaders: field(
        opt(z.array(z.string())),
        "The headers that were removed because of another origin; absent when there were none.",
      ),
    }),
  {
    description: "A registered endpoint after a change.",
    example: { ...example, url: "https://new.example.com/hooks", headers: {}, droppedHeaders: ["x-shop"] },
  },
);

export const NewEndpoint = component(
  "NewEndpoint",
  () => z.object({ ...fields(), secret: field(z.string(), "Signs its events: `whsec_` and base64.") }),
  {
    description: "A new endpoint, with its secret.",
    example: { ...example, secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD" },
  },
);

export const SigningSecret = component(
  "SigningSecret",
  () =>
    z.object({
      secret: field(
        z.string(),
        "Signs every event now: `whsec_` and base64.",
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
      ),
      previous: field(
        z.array(
          z.object({
            secret: field(z.string(), "An older one."),
            expiresAt: field(time, "Until when it still signs."),
          }),
        ),
        "Secrets that were rotated away and still sign along.",
      ),
      signatures: field(signatureKinds, "How events are signed."),
      publicKey: field(opt(z.string()), "Checks signatures `v1a`: `whpk_` and base64."),
      jwks: field(opt(z.url()), "The same as JSON Web Key Set, for anybody."),
    }),
  {
    description: "Secrets and keys that verify events: those of the project's callbacks, or of one endpoint.",
    example: { secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", previous: [], signatures: ["v1"] },
  },
);
export type SigningSecret = Infer<typeof SigningSecret>;

export const TestAttempt = component(
  "TestAttempt",
  () =>
    z.object({
      eventId: field(typeId("evt"), "The test event's id."),
      delivered: field(z.boolean(), "Whether the receiver accepted it."),
      attempt: Attempt,
    }),
  {
    description: "The outcome of a test event.",
    example: {
      eventId: "evt_01kawv0m1ne0qtrn9tkp0h7k2v",
      delivered: true,
      attempt: { at: "2026-11-24T09:00:00.490Z", durationMs: 70, statusCode: 200, response: "ok" },
    },
  },
);

export const Recovery = component(
  "Recovery",
  () =>
    z.object({
      dryRun: field(z.boolean(), "Whether nothing was sent."),
      count: field(count, "Dead letters in that time, from the cursor on."),
      recovered: field(count, "Of these, how many are being sent again."),
      remaining: field(count, "How many are left; another call continues with them."),
      pace: field(z.number(), "Deliveries per second."),
      deliveries: field(z.array(DeliverySummary), "The first 100, oldest first."),
      nextCursor: field(z.nullable(z.string()), "The `cursor` of the next call; null after the last."),
    }),
  {
    description: "The deliveries that were recovered, or would be.",
    example: {
      dryRun: true,
      count: 1,
      recovered: 0,
      remaining: 1,
      pace: 10,
      deliveries: [deliveryExample],
      nextCursor: null,
    },
  },
);

const publicJwk = z.lazy(() =>
  z.object({
    kty: field(z.literal("OKP"), "RFC 8037."),
    crv: field(z.literal("Ed25519"), "The curve."),
    use: field(z.literal("sig"), "It signs."),
    alg: field(z.literal("EdDSA"), "The algorithm."),
    kid: field(z.string(), "The key's thumbprint (RFC 7638)."),
    x: field(z.string(), "The public key, base64url."),
  }),
);
/** A public key as JSON Web Key (RFC 8037, section 2). */
export type PublicJwk = Infer<typeof publicJwk>;

export const Jwks = component(
  "Jwks",
  () => z.object({ keys: field(z.array(publicJwk), "None until a signature `v1a` was first asked for.") }),
  {
    description: "A JSON Web Key Set (RFC 7517).",
    example: {
      keys: [
        {
          kty: "OKP",
          crv: "Ed25519",
          use: "sig",
          alg: "EdDSA",
          kid: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
          x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        },
      ],
    },
  },
);
