import * as z from "zod/mini";
import type { Dependencies } from "../../../ports/dependencies.ts";
import type { Scope } from "../../../projects/caller.ts";
import { retiredGenerationsOf } from "../../../projects/generations.ts";
import type { ApiKey } from "../../../projects/principal.ts";
import type { Session as SessionRecord } from "../../../projects/session.ts";
import { hex, utf8 } from "../../../shared/bytes.ts";
import { ApiError } from "../../../shared/problems.ts";
import { component, field, type Infer, opt, time, typeId } from "../../../shared/schema/schema.ts";
import { text } from "../../../shared/schema/schema-fields.ts";
import { timestamp } from "../../../tasks/view.ts";
import { adminHash, endSession, sessionOf, startSession } from "../../access/session.ts";
import { type Route, route } from "../../pipeline/route.ts";

const SCOPES = [
  "tasks:read",
  "tasks:write",
  "endpoints:read",
  "endpoints:write",
  "secrets:read",
  "secrets:write",
  "admin",
] as const satisfies readonly Scope[];

const SessionRequest = component(
  "ConsoleSessionRequest",
  () =>
    z.strictObject({
      token: field(
        opt(text(1, 1_000)),
        "The admin token or an API key; or leave it out, and send it as a bearer token.",
      ),
    }),
  { description: "The credential of an operator.", example: { token: "rb_…" } },
);

const ConsoleSession = component(
  "ConsoleSession",
  () =>
    z.object({
      kind: field(z.enum(["admin", "api-key"]), "The signed-in party."),
      project: field(opt(typeId("prj")), "The API key's project."),
      scopes: field(z.array(z.string()), "Its permissions; the admin has all of them."),
      expiresAt: field(time, "When the session ends."),
      url: field(z.url(), "The gateway's address."),
      version: field(z.string(), "The gateway's version.", "0.1.0"),
    }),
  {
    description: "A session of the console.",
    example: {
      kind: "api-key",
      project: "prj_01kawtzq4je0a8yqh3n5v6w7x8",
      scopes: ["tasks:read"],
      expiresAt: "2026-11-24T21:00:00.000Z",
      url: "https://ringback.example.com",
      version: "0.1.0",
    },
  },
);

const declared = { tag: "Operations", path: "/console/session", access: "open" } as const;

const signIn = route({
  ...declared,
  method: "POST",
  operation: "createConsoleSession",
  summary: "Sign in to the console",
  description:
    "With the admin token or an API key. Sets a cookie that holds a sealed session for 12 hours: `HttpOnly`, `Secure`, `SameSite=Strict`. It is valid in place of a bearer token, and only together with the header `Ringback-Request: 1`.",
  body: SessionRequest,
  optionalBody: true,
  answers: { 200: { description: "Signed in: the session.", body: ConsoleSession } },
  problems: ["unauthenticated", "temporarily-unavailable", "storage-too-new"],
  async handle({ c, ctx, body, reply }) {
    const given = body.token ?? /^Bearer +(\S+) *$/i.exec(c.req.header("Authorization") ?? "")?.[1] ?? "";
    const owner = await ownerOf(ctx, given.trim());
    const shown = owner && (await view(ctx, { owner, expiresAt: 0 }));
    if (!owner || !shown) {
      throw new ApiError("unauthenticated", "This is neither the admin token nor a valid API key.");
    }
    const { expiresAt } = await startSession(c, ctx, owner);
    return reply(200, { ...shown, expiresAt: timestamp(expiresAt) });
  },
});

const read = route({
  ...declared,
  method: "GET",
  operation: "getConsoleSession",
  summary: "Read the session of the console",
  description:
    "The signed-in party and its permissions. Needs the cookie and the header `Ringback-Request: 1`.",
  answers: { 200: { description: "The session.", body: ConsoleSession } },
  problems: ["unauthenticated", "temporarily-unavailable", "storage-too-new"],
  async handle({ c, ctx, reply }) {
    const session = await sessionOf(c, ctx);
    const shown = session && (await view(ctx, session));
    if (!shown) throw new ApiError("unauthenticated", "Nobody is signed in to the console.");
    return reply(200, shown);
  },
});

const signOut = route({
  ...declared,
  method: "DELETE",
  operation: "deleteConsoleSession",
  summary: "Sign out of the console",
  description:
    "Takes the cookie away. A copy of it stays valid until it expires, the API key is revoked, or the admin token changes.",
  answers: { 204: { description: "Signed out." } },
  handle({ c, reply }) {
    endSession(c);
    return reply(204, null);
  },
});

/** The party that a credential proves; none when it is not one of this gateway. */
async function ownerOf(ctx: Dependencies, given: string): Promise<SessionRecord["owner"] | undefined> {
  const hash = await adminHash(ctx);
  if (hex(await ctx.hashes.sha256(utf8(given))) === hash) return { kind: "admin", hash };
  const key = await ctx.keyring.verifyApiKey(given, retiredGenerationsOf(ctx));
  return key && { kind: "api-key", ...key };
}

/** The session for the console; none when Redis does not know the API key (any more). */
async function view(
  ctx: Dependencies,
  { owner, expiresAt }: SessionRecord,
): Promise<Infer<typeof ConsoleSession> | undefined> {
  const { publicUrl, version } = ctx.settings;
  const rest = { expiresAt: timestamp(expiresAt), url: publicUrl, version };
  if (owner.kind === "admin") return { kind: owner.kind, scopes: SCOPES, ...rest };
  const scopes = await scopesOf(ctx, owner);
  return scopes && { kind: owner.kind, project: owner.project, scopes, ...rest };
}

/** The scopes that Redis grants the key; none when it does not know the key. */
async function scopesOf(
  { store }: Dependencies,
  key: ApiKey,
): Promise<readonly (typeof SCOPES)[number][] | undefined> {
  const answers = await Promise.all(SCOPES.map((scope) => store.authorize(key, scope)));
  if (answers.some(({ kind }) => kind === "unauthenticated")) return undefined;
  return SCOPES.filter((_, index) => answers[index]?.kind === "allowed");
}

export const consoleRoutes: readonly Route[] = [signIn, read, signOut];
