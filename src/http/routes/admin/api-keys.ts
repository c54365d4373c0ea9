import * as z from "zod/mini";
import {
  type ApiKeyView,
  createKey,
  deleteKey,
  listKeys,
  ownerOf,
} from "../../../projects/manage-projects.ts";
import { type Key, KeyPage, NewKey } from "../../../projects/schema.ts";
import { component, field, type Infer, opt } from "../../../shared/schema/schema.ts";
import { duration, page, text } from "../../../shared/schema/schema-fields.ts";
import { timestamp } from "../../../tasks/view.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../../pipeline/idempotency.ts";
import { type Route, route } from "../../pipeline/route.ts";

const YEARS_10 = 3_650 * 86_400_000;

const SCOPE = /^(?:admin|(?:tasks|endpoints|secrets):(?:read|write)|service:[a-z0-9][a-z0-9-]{0,62})$/;

/** `expiresIn` becomes milliseconds. */
const KeyRequest = component(
  "KeyRequest",
  () =>
    z.strictObject({
      project: field(text(1, 100), "The project's name or id."),
      scopes: field(
        z._default(
          z.array(z.string().check(z.regex(SCOPE, "is not a scope"))).check(z.minLength(1), z.maxLength(50)),
          ["admin"],
        ),
        "Permissions of the key: `tasks:write`, `tasks:read`, `endpoints:write`, `endpoints:read`, `secrets:read`, `secrets:write`, `service:<name>`, or `admin`, which is all of them within the project.",
      ),
      name: field(opt(text(1, 100)), "Its purpose."),
      expiresIn: field(opt(duration(1, YEARS_10)), "After so long it stops working; never unless given."),
    }),
  {
    description: "A new API key.",
    example: { project: "shop", scopes: ["tasks:write", "tasks:read"] },
  },
);

const declared = { tag: "Administration", access: "admin" } as const;

const makeKey = route({
  ...declared,
  method: "POST",
  path: "/admin/keys",
  operation: "createApiKey",
  summary: "Make an API key; its text is shown this once",
  description:
    "A project's name that is new makes the project. Redis keeps a hash, so the text cannot be shown again, except to a repetition under the same `Idempotency-Key`.",
  headers: ["Idempotency-Key"],
  body: KeyRequest,
  answers: {
    201: { description: "Made: the key, with its text.", body: NewKey, headers: ["Idempotent-Replayed"] },
  },
  problems: ["not-found", "undecryptable", ...IDEMPOTENCY_PROBLEMS],
  async handle({ c, ctx, body, json, reply }) {
    const { made, replayed } = await createKey(ctx, body, await idempotencyIn(ctx, c, json));
    const { key, ...view } = made;
    return reply(201, { ...keyView(view), key }, replayedHeader(replayed));
  },
});

const keys = route({
  ...declared,
  method: "GET",
  path: "/admin/keys",
  operation: "listApiKeys",
  summary: "List a project's API keys",
  description: "Without their texts, about 1,000 a page.",
  query: z.strictObject({
    project: field(text(1, 100), "The project's name or id."),
    cursor: page.cursor,
  }),
  answers: { 200: { description: "A page of API keys.", body: KeyPage } },
  problems: ["not-found"],
  async handle({ ctx, query, reply }) {
    const { data, nextCursor = null } = await listKeys(ctx, query.project, query.cursor);
    return reply(200, { data: data.map(keyView), nextCursor });
  },
});

const revokeKey = route({
  ...declared,
  method: "DELETE",
  path: "/admin/keys/:id",
  operation: "revokeApiKey",
  summary: "Revoke an API key, from its next request on",
  description: "Without `project` every project is searched for the key.",
  params: { id: "key" },
  query: z.strictObject({ project: field(opt(text(1, 100)), "The project's name or id.") }),
  answers: { 204: { description: "Revoked." } },
  async handle({ ctx, params, query, reply }) {
    const project = query.project ?? (await ownerOf(ctx, params.id));
    await deleteKey(ctx, project, params.id);
    return reply(204, null);
  },
});

function keyView({ createdAt, expiresAt, ...key }: ApiKeyView): Infer<typeof Key> {
  return {
    ...key,
    createdAt: timestamp(createdAt),
    ...(expiresAt !== undefined && { expiresAt: timestamp(expiresAt) }),
  };
}

export const apiKeyRoutes: readonly Route[] = [makeKey, keys, revokeKey];
