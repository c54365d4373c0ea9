import * as z from "zod/mini";
import { createProject, limitProject, listProjects } from "../../../projects/manage-projects.ts";
import { LimitedProject, Project, ProjectPage } from "../../../projects/schema.ts";
import { MAX_SEARCHABLE, SEARCHABLE } from "../../../shared/limits.ts";
import { component, field, opt } from "../../../shared/schema/schema.ts";
import { page, text } from "../../../shared/schema/schema-fields.ts";
import { idempotencyKey } from "../../pipeline/headers.ts";
import { type Route, route } from "../../pipeline/route.ts";

const ProjectRequest = component(
  "ProjectRequest",
  () => z.strictObject({ name: field(text(1, 100), "The project's name.") }),
  { description: "A new project.", example: { name: "shop" } },
);

const limit = (most: number) => opt(z.nullable(z.int().check(z.minimum(1), z.maximum(most))));

/** Null is the deployment's limit. */
const LimitsRequest = component(
  "LimitsRequest",
  () =>
    z.strictObject({
      searchable: field(
        opt(
          z
            .array(z.string().check(z.regex(SEARCHABLE, "must be 1 to 64 letters, digits, and _ . : -")))
            .check(
              z.maxLength(MAX_SEARCHABLE),
              z.refine((names) => new Set(names).size === names.length, "names a key twice"),
            ),
        ),
        "At most 5 metadata keys; tasks that are accepted from then on can be found by them. Replaces the earlier ones.",
      ),
      rateLimit: field(
        limit(100_000),
        "Tasks per second, with a burst of one second's; null: the deployment's limit.",
      ),
      maxOpen: field(limit(100_000_000), "Tasks that have not ended; null: the deployment's limit."),
      requireIdempotencyKey: field(
        opt(z.boolean()),
        "Whether a submit without an `Idempotency-Key` is refused, batch items and proxied requests included.",
      ),
    }),
  {
    description: "A project's own limits.",
    example: { searchable: ["orderId"], rateLimit: 20, maxOpen: null },
  },
);

const declared = { tag: "Administration", access: "admin" } as const;

const makeProject = route({
  ...declared,
  method: "POST",
  path: "/admin/projects",
  operation: "createProject",
  summary: "Make a project, or find the one of that name",
  description: "Repeating it is safe: a project that is there stays as it is.",
  headers: ["Idempotency-Key"],
  body: ProjectRequest,
  answers: {
    200: { description: "A project of that name exists: this one.", body: Project },
    201: { description: "Made: the project.", body: Project },
  },
  problems: ["malformed-idempotency-key", "undecryptable"],
  async handle({ c, ctx, body, reply }) {
    idempotencyKey(c.req.header("Idempotency-Key")); // the name is key enough: repeated, it is the same project
    const { id, name, created } = await createProject(ctx, body.name);
    return reply(created ? 201 : 200, { id, name });
  },
});

const projects = route({
  ...declared,
  method: "GET",
  path: "/admin/projects",
  operation: "listProjects",
  summary: "List the projects",
  description: "All of the deployment's, about 1,000 a page.",
  query: z.strictObject({ cursor: page.cursor }),
  answers: { 200: { description: "A page of projects.", body: ProjectPage } },
  async handle({ ctx, query, reply }) {
    const { data, nextCursor = null } = await listProjects(ctx, query.cursor);
    return reply(200, { data, nextCursor });
  },
});

const limitedProject = route({
  ...declared,
  method: "PATCH",
  path: "/admin/projects/:id",
  operation: "updateProject",
  summary:
    "Set a project's own limits, its searchable metadata keys, and whether it requires an Idempotency-Key",
  description: "Absent members stay as they are. Takes effect with the next task that is submitted.",
  params: { id: "prj" },
  body: LimitsRequest,
  answers: { 200: { description: "Set: the project.", body: LimitedProject } },
  async handle({ ctx, params, body, reply }) {
    return reply(200, await limitProject(ctx, params.id, body));
  },
});

export const projectRoutes: readonly Route[] = [makeProject, projects, limitedProject];
