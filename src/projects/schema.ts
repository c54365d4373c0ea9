import * as z from "zod/mini";
import { component, field, type Infer, opt, pageOf, time, typeId } from "../shared/schema/schema.ts";

export const projectFields = {
  id: field(typeId("prj"), "The project's id."),
  name: field(z.string(), "Its name.", "shop"),
};

export const projectExample = { id: "prj_01kawtzq4je0a8yqh3n5v6w7x8", name: "shop" };

export const Project = component("Project", () => z.object(projectFields), {
  description: "A project: its keys see only its tasks.",
  example: projectExample,
});
export type Project = Infer<typeof Project>;

export const ProjectPage = pageOf("ProjectPage", Project, "projects");

export const LimitedProject = component(
  "LimitedProject",
  () =>
    z.object({
      ...projectFields,
      searchable: field(z.array(z.string()), "Metadata keys that its tasks are found by.", ["orderId"]),
      rateLimit: field(z.nullable(z.int()), "Tasks per second; null: the deployment's limit."),
      maxOpen: field(z.nullable(z.int()), "Tasks that have not ended; null: the deployment's limit."),
      requireIdempotencyKey: field(z.boolean(), "Whether a submit without an `Idempotency-Key` is refused."),
    }),
  {
    description: "A project with its own limits.",
    example: {
      ...projectExample,
      searchable: ["orderId"],
      rateLimit: 20,
      maxOpen: null,
      requireIdempotencyKey: false,
    },
  },
);
export type LimitedProject = Infer<typeof LimitedProject>;

const keyFields = () => ({
  id: field(typeId("key"), "The key's id, with which it is revoked."),
  project: Project,
  scopes: field(z.array(z.string()), "Its permissions.", ["tasks:write", "tasks:read"]),
  name: field(opt(z.string()), "Its name."),
  createdAt: field(time, "When it was made."),
  expiresAt: field(opt(time), "When it stops working; absent: never."),
});

const keyExample = {
  id: "key_01kawv06h9e0b9zrj4p6w7x8y9",
  project: projectExample,
  scopes: ["tasks:write", "tasks:read"],
  createdAt: "2026-11-24T08:59:00.000Z",
};

export const Key = component("Key", () => z.object(keyFields()), {
  description: "An API key, without its text.",
  example: keyExample,
});
export type Key = Infer<typeof Key>;

export const KeyPage = pageOf("KeyPage", Key, "API keys, oldest first");

export const NewKey = component(
  "NewKey",
  () => z.object({ ...keyFields(), key: field(z.string(), "The key's text: shown this once.", "rb_…") }),
  { description: "A new API key.", example: { ...keyExample, key: "rb_…" } },
);
