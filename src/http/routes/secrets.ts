import type { Context } from "hono";
import { publicKeys } from "../../endpoints/public-keys.ts";
import { publicKeyText } from "../../endpoints/signing-keys.ts";
import {
  chooseSignatures,
  readVerifiers,
  rotateSigningSecret,
  type Verifiers,
  verifiersIfAllowed,
} from "../../endpoints/signing-secrets.ts";
import type { Dependencies, RequestContext } from "../../ports/dependencies.ts";
import type { ApiKey } from "../../projects/principal.ts";
import { isId } from "../../shared/id.ts";
import { ApiError } from "../../shared/problems.ts";
import { timestamp } from "../../tasks/view.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../pipeline/idempotency.ts";
import { answer } from "../pipeline/respond.ts";
import { type Env, type Route, route } from "../pipeline/route.ts";
import { rotateRequest, signaturesRequest } from "../schemas/endpoint-requests.ts";

const declared = { tag: "Secrets", access: "key", path: "/v1/signing-secret" } as const;

/** A rotation shows the secrets to a key that may read them. */
export const ROTATED = {
  200: { shape: "SigningSecret", headers: ["Idempotent-Replayed"] },
  204: { headers: ["Idempotent-Replayed"] },
} as const;

const read = route({
  ...declared,
  method: "GET",
  operation: "getSigningSecret",
  summary: "Read the secret that signs the project's callbacks",
  scope: "secrets:read",
  scopeCheckedBy: "script",
  answers: { 200: { shape: "SigningSecret" } },
  problems: ["not-found", "undecryptable"],
  async handle({ c, ctx, caller }) {
    return answer(c, 200, verifiersView(ctx, caller, await readVerifiers(ctx, caller)));
  },
});

const choose = route({
  ...declared,
  method: "PATCH",
  operation: "updateSigning",
  summary: "Choose how the project's callbacks are signed",
  scope: "secrets:write",
  scopeCheckedBy: "script",
  body: signaturesRequest,
  answers: { 200: { shape: "SigningSecret" }, 204: {} },
  problems: ["not-found", "undecryptable"],
  async handle({ c, ctx, caller, body }) {
    await chooseSignatures(ctx, caller, body.signatures);
    return await rotatedAnswer(c, ctx, caller, false);
  },
});

const rotate = route({
  ...declared,
  method: "POST",
  path: "/v1/signing-secret/rotate",
  operation: "rotateSigningSecret",
  summary: "Give the project's callbacks a new secret",
  scope: "secrets:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  body: rotateRequest,
  optionalBody: true,
  answers: ROTATED,
  problems: [...IDEMPOTENCY_PROBLEMS, "not-found", "undecryptable", "too-many-secrets"],
  async handle({ c, ctx, caller, body, json }) {
    const replayed = await rotateSigningSecret(ctx, caller, body.overlap, await idempotencyIn(c, json));
    return await rotatedAnswer(c, ctx, caller, replayed);
  },
});

const FILE = /^(prj_\w+)\.json$/;

const keys = route({
  method: "GET",
  path: "/jwks/:file",
  operation: "getPublicKeys",
  summary: "Read the public key that a project's events are signed with",
  tag: "Secrets",
  access: "open",
  params: { file: "text" },
  answers: { 200: { shape: "Jwks", headers: ["Cache-Control"] } },
  problems: ["not-found", "temporarily-unavailable"],
  async handle({ c, ctx, params }) {
    const project = FILE.exec(params.file)?.[1] ?? "";
    const found = isId("prj", project) ? await publicKeys(ctx, project) : undefined;
    if (!found) throw new ApiError("not-found", "There is no such project.");
    return answer(c, 200, { keys: found }, { "Cache-Control": "public, max-age=300" });
  },
});

/** What checks events, as receivers need it. */
export function verifiersView(
  { settings }: Dependencies,
  { project }: ApiKey,
  { secrets, signatures, ed25519 }: Verifiers,
) {
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

/** The secrets after a change, for a key that may read them; else nothing. */
export async function rotatedAnswer(
  c: Context<Env>,
  ctx: RequestContext,
  caller: ApiKey,
  replayed: boolean,
  endpointId?: string,
): Promise<Response> {
  const verifiers = await verifiersIfAllowed(ctx, caller, endpointId);
  if (!verifiers) return c.body(null, 204, replayedHeader(replayed));
  return answer(c, 200, verifiersView(ctx, caller, verifiers), replayedHeader(replayed));
}

export const secretRoutes: readonly Route[] = [read, choose, rotate, keys];
