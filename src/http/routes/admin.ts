import * as z from "zod/mini";
import { examine } from "../../doctor/examine.ts";
import {
  type ApiKeyView,
  createKey,
  createProject,
  deleteKey,
  limitProject,
  listKeys,
  listProjects,
  ownerOf,
} from "../../projects/manage-projects.ts";
import { encryptedPayloads, listEncrypted } from "../../projects/re-encrypt.ts";
import { MAX_SEARCHABLE, SEARCHABLE } from "../../shared/limits.ts";
import { duration, page, text } from "../../shared/schema-fields.ts";
import { timestamp } from "../../tasks/view.ts";
import { idempotencyKey } from "../pipeline/headers.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../pipeline/idempotency.ts";
import { answer } from "../pipeline/respond.ts";
import { type Route, route } from "../pipeline/route.ts";

const YEARS_10 = 3_650 * 86_400_000;

const SCOPE = /^(?:admin|(?:tasks|endpoints|secrets):(?:read|write)|service:[a-z0-9][a-z0-9-]{0,62})$/;

export const projectRequest = z.strictObject({ name: text(1, 100) });

const limit = (most: number) => z.exactOptional(z.nullable(z.int().check(z.minimum(1), z.maximum(most))));

/** The body of `PATCH /admin/projects/{id}`; null is what the deployment says. */
export const limitsRequest = z.strictObject({
  searchable: z.exactOptional(
    z.array(z.string().check(z.regex(SEARCHABLE, "must be 1 to 64 letters, digits, and _ . : -"))).check(
      z.maxLength(MAX_SEARCHABLE),
      z.refine((names) => new Set(names).size === names.length, "names a key twice"),
    ),
  ),
  rateLimit: limit(100_000),
  maxOpen: limit(100_000_000),
});

/** The body of `POST /admin/keys`; `expiresIn` becomes milliseconds. */
export const keyRequest = z.strictObject({
  project: text(1, 100),
  scopes: z._default(
    z.array(z.string().check(z.regex(SCOPE, "is not a scope"))).check(z.minLength(1), z.maxLength(50)),
    ["admin"],
  ),
  name: z.exactOptional(text(1, 100)),
  expiresIn: z.exactOptional(duration(1, YEARS_10)),
});

const declared = { tag: "Administration", access: "admin" } as const;

const makeProject = route({
  ...declared,
  method: "POST",
  path: "/admin/projects",
  operation: "createProject",
  summary: "Make a project, or find the one of that name",
  headers: ["Idempotency-Key"],
  body: projectRequest,
  answers: { 200: { shape: "Project" }, 201: { shape: "Project" } },
  problems: ["malformed-idempotency-key", "undecryptable"],
  async handle({ c, ctx, body }) {
    idempotencyKey(c.req.header("Idempotency-Key")); // the name is key enough: repeated, it is the same project
    const { id, name, created } = await createProject(ctx, body.name);
    return answer(c, created ? 201 : 200, { id, name });
  },
});

const projects = route({
  ...declared,
  method: "GET",
  path: "/admin/projects",
  operation: "listProjects",
  summary: "List the projects",
  query: z.strictObject({ cursor: page.cursor }),
  answers: { 200: { shape: "ProjectPage" } },
  async handle({ c, ctx, query }) {
    const { data, nextCursor = null } = await listProjects(ctx, query.cursor);
    return answer(c, 200, { data, nextCursor });
  },
});

const limitedProject = route({
  ...declared,
  method: "PATCH",
  path: "/admin/projects/:id",
  operation: "updateProject",
  summary: "Set a project's own limits, and what its tasks are found by",
  params: { id: "prj" },
  body: limitsRequest,
  answers: { 200: { shape: "LimitedProject" } },
  async handle({ c, ctx, params, body }) {
    return answer(c, 200, await limitProject(ctx, params.id, body));
  },
});

const encrypted = route({
  ...declared,
  method: "GET",
  path: "/admin/secrets",
  operation: "listEncryptedSecrets",
  summary: "Show what still needs the previous master secret",
  answers: { 200: { shape: "SealedSecrets" } },
  async handle({ c, ctx }) {
    const [data, payloads] = await Promise.all([listEncrypted(ctx), encryptedPayloads(ctx)]);
    const byPayloads = payloads !== undefined && payloads !== "clear";
    return answer(c, 200, {
      rotating: ctx.keyring.rotating,
      previousNeeded: byPayloads || data.some(({ previous }) => previous > 0),
      ...(payloads !== undefined && { payloads }),
      data,
    });
  },
});

const doctor = route({
  ...declared,
  method: "POST",
  path: "/admin/doctor",
  operation: "runDoctor",
  summary: "Check what the deployment stands on",
  answers: { 200: { shape: "Diagnosis" } },
  async handle({ c, ctx }) {
    const checks = await examine(ctx);
    return answer(c, 200, { ok: checks.every(({ ok }) => ok), checks });
  },
});

const makeKey = route({
  ...declared,
  method: "POST",
  path: "/admin/keys",
  operation: "createApiKey",
  summary: "Make an API key; its text is shown this once",
  headers: ["Idempotency-Key"],
  body: keyRequest,
  answers: { 201: { shape: "NewKey", headers: ["Idempotent-Replayed"] } },
  problems: ["not-found", "undecryptable", ...IDEMPOTENCY_PROBLEMS],
  async handle({ c, ctx, body, json }) {
    const { made, replayed } = await createKey(ctx, body, await idempotencyIn(c, json));
    const { key, ...view } = made;
    return answer(c, 201, { ...keyView(view), key }, replayedHeader(replayed));
  },
});

const keys = route({
  ...declared,
  method: "GET",
  path: "/admin/keys",
  operation: "listApiKeys",
  summary: "List a project's API keys",
  query: z.strictObject({ project: text(1, 100), cursor: page.cursor }),
  answers: { 200: { shape: "KeyPage" } },
  problems: ["not-found"],
  async handle({ c, ctx, query }) {
    const { data, nextCursor = null } = await listKeys(ctx, query.project, query.cursor);
    return answer(c, 200, { data: data.map(keyView), nextCursor });
  },
});

const revokeKey = route({
  ...declared,
  method: "DELETE",
  path: "/admin/keys/:id",
  operation: "revokeApiKey",
  summary: "Revoke an API key, from its next request on",
  params: { id: "key" },
  query: z.strictObject({ project: z.exactOptional(text(1, 100)) }),
  answers: { 204: {} },
  async handle({ c, ctx, params, query }) {
    const project = query.project ?? (await ownerOf(ctx, params.id));
    await deleteKey(ctx, project, params.id);
    return c.body(null, 204);
  },
});

function keyView({ createdAt, expiresAt, ...key }: ApiKeyView) {
  return {
    ...key,
    createdAt: timestamp(createdAt),
    ...(expiresAt !== undefined && { expiresAt: timestamp(expiresAt) }),
  };
}

export const adminRoutes: readonly Route[] = [
  makeProject,
  projects,
  limitedProject,
  encrypted,
  doctor,
  makeKey,
  keys,
  revokeKey,
];
