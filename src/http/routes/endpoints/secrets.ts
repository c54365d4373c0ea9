import { rotateEndpointSecret } from "../../../endpoints/manage-endpoints.ts";
import { publicKeys } from "../../../endpoints/public-keys.ts";
import { Jwks, SigningSecret } from "../../../endpoints/schema.ts";
import { publicKeyText } from "../../../endpoints/signing-keys.ts";
import {
  chooseSignatures,
  readVerifiers,
  rotateSigningSecret,
  type Verifiers,
  verifiersIfAllowed,
} from "../../../endpoints/signing-secrets.ts";
import type { Dependencies } from "../../../ports/dependencies.ts";
import type { Client } from "../../../projects/principal.ts";
import { isId } from "../../../shared/id.ts";
import { ApiError } from "../../../shared/problems.ts";
import type { Infer } from "../../../shared/schema/schema.ts";
import { timestamp } from "../../../tasks/view.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../../pipeline/idempotency.ts";
import { type Call, type Route, route } from "../../pipeline/route.ts";
import { RotateRequest, SignaturesRequest } from "../../schemas/endpoint-requests.ts";

const declared = { tag: "Secrets", access: "key", path: "/v1/signing-secret" } as const;

const ofEndpoint = { tag: "Endpoints", access: "key", params: { id: "ep" } } as const;

/** A rotation shows the secrets to a key that may read them. */
const ROTATED = {
  200: { description: "Rotated: the secrets now.", body: SigningSecret, headers: ["Idempotent-Replayed"] },
  204: { description: "Rotated; this key may not read secrets.", headers: ["Idempotent-Replayed"] },
} as const;

const read = route({
  ...declared,
  method: "GET",
  operation: "getSigningSecret",
  summary: "Read the secret that signs the project's callbacks",
  description:
    "Give it to a Standard Webhooks library (`standardwebhooks`, `svix`) to verify callbacks. During a rotation the older ones sign, too.",
  scope: "secrets:read",
  scopeCheckedBy: "script",
  answers: { 200: { description: "The secrets that sign now.", body: SigningSecret } },
  problems: ["not-found", "undecryptable"],
  async handle({ ctx, caller, reply }) {
    return reply(200, verifiersView(ctx, caller, await readVerifiers(ctx, caller)));
  },
});

const choose = route({
  ...declared,
  method: "PATCH",
  operation: "updateSigning",
  summary: "Choose how the project's callbacks are signed",
  description:
    "`v1a` makes the project's Ed25519 key pair when it is first asked for: receivers then need no secret.",
  scope: "secrets:write",
  scopeCheckedBy: "script",
  body: SignaturesRequest,
  answers: {
    200: { description: "Chosen: the secrets now.", body: SigningSecret },
    204: { description: "Chosen; this key may not read secrets." },
  },
  problems: ["not-found", "undecryptable"],
  async handle({ ctx, caller, body, reply }) {
    await chooseSignatures(ctx, caller, body.signatures);
    const verifiers = await verifiersIfAllowed(ctx, caller);
    return verifiers ? reply(200, verifiersView(ctx, caller, verifiers)) : reply(204, null);
  },
});

const rotate = route({
  ...declared,
  method: "POST",
  path: "/v1/signing-secret/rotate",
  operation: "rotateSigningSecret",
  summary: "Give the project's callbacks a new secret",
  description: "The old one still signs for `overlap`, so that receivers have time to change.",
  scope: "secrets:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  body: RotateRequest,
  optionalBody: true,
  answers: ROTATED,
  problems: [...IDEMPOTENCY_PROBLEMS, "not-found", "undecryptable", "too-many-secrets"],
  async handle(call) {
    const { c, ctx, caller, body, json } = call;
    const replayed = await rotateSigningSecret(ctx, caller, body.overlap, await idempotencyIn(ctx, c, json));
    return await rotatedAnswer(call, replayed);
  },
});

const readOfEndpoint = route({
  ...ofEndpoint,
  method: "GET",
  path: "/v1/endpoints/:id/secret",
  operation: "getEndpointSecret",
  summary: "Read the secret that signs an endpoint's events",
  description: "Give it to a Standard Webhooks library (`standardwebhooks`, `svix`).",
  scope: "secrets:read",
  scopeCheckedBy: "script",
  answers: { 200: { description: "The secrets that sign now.", body: SigningSecret } },
  async handle({ ctx, caller, params, reply }) {
    const verifiers = await readVerifiers(ctx, caller, params.id);
    return reply(200, verifiersView(ctx, caller, verifiers));
  },
});

const rotateOfEndpoint = route({
  ...ofEndpoint,
  method: "POST",
  path: "/v1/endpoints/:id/rotate-secret",
  operation: "rotateEndpointSecret",
  summary: "Give an endpoint a new secret",
  description: "The old one still signs for `overlap`, so that the receiver has time to change.",
  scope: "secrets:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  body: RotateRequest,
  optionalBody: true,
  answers: ROTATED,
  problems: [...IDEMPOTENCY_PROBLEMS, "too-many-secrets"],
  async handle(call) {
    const { c, ctx, caller, params, body, json } = call;
    const idempotency = await idempotencyIn(ctx, c, json);
    const replayed = await rotateEndpointSecret(ctx, caller, params.id, body.overlap, idempotency);
    return await rotatedAnswer(call, replayed, params.id);
  },
});

const FILE = /^(prj_\w+)\.json$/;

const keys = route({
  method: "GET",
  path: "/jwks/:file",
  operation: "getPublicKeys",
  summary: "Read the public key that a project's events are signed with",
  description: "The public half of the key pair behind signatures `v1a`. May be kept for 5 minutes.",
  tag: "Secrets",
  access: "open",
  params: {
    file: {
      description: "The project's id and `.json`.",
      example: "prj_01kawtzq4je0a8yqh3n5v6w7x8.json",
      pattern: "^prj_[0-7][0-9a-hjkmnp-tv-z]{25}\\.json$",
    },
  },
  answers: { 200: { description: "The key set.", body: Jwks, headers: ["Cache-Control"] } },
  problems: ["not-found", "temporarily-unavailable"],
  async handle({ ctx, params, reply }) {
    const project = FILE.exec(params.file)?.[1] ?? "";
    const found = isId("prj", project) ? await publicKeys(ctx, project) : undefined;
    if (!found) throw new ApiError("not-found", "There is no such project.");
    return reply(200, { keys: found }, { "Cache-Control": "public, max-age=300" });
  },
});

/** The secrets and keys that verify events, as receivers need them. */
function verifiersView(
  { settings }: Dependencies,
  { project }: Client,
  { secrets, signatures, ed25519 }: Verifiers,
): Infer<typeof SigningSecret> {
  const [current, ...previous] = secrets;
  return {
    secret: current?.secret ?? "",
    previous: previous.map(({ secret, expiresAt = 0 }) => ({ secret, expiresAt: timestamp(expiresAt) })),
    signatures,
    ...(ed25519 && {
      publicKey: publicKeyText(ed25519),
      jwks: `${settings.publicUrl}/jwks/${project}.json`,
    }),
  };
}

/** The secrets after a rotation, for a key that may read them; else nothing. */
async function rotatedAnswer(
  {
    ctx,
    caller,
    reply,
  }: Pick<Call<unknown, unknown, unknown, typeof ROTATED, "key">, "ctx" | "caller" | "reply">,
  replayed: boolean,
  endpointId?: string,
) {
  const verifiers = await verifiersIfAllowed(ctx, caller, endpointId);
  if (!verifiers) return reply(204, null, replayedHeader(replayed));
  return reply(200, verifiersView(ctx, caller, verifiers), replayedHeader(replayed));
}

/** Of the project, for its callbacks. */
export const secretRoutes: readonly Route[] = [read, choose, rotate, keys];

/** Of one endpoint. */
export const endpointSecretRoutes: readonly Route[] = [readOfEndpoint, rotateOfEndpoint];
