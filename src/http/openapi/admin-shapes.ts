import * as z from "zod/mini";
import { as, id, opt, pageOf, time } from "./shape.ts";

const Project = as(
  z.object({ id: as(id("prj"), "The project's id."), name: as(z.string(), "Its name.", "shop") }),
  "A project: its keys see its tasks and nobody else's.",
);

const keyFields = {
  id: as(id("key"), "The key's id, with which it is revoked."),
  project: Project,
  scopes: as(z.array(z.string()), "What it may do.", ["tasks:write", "tasks:read"]),
  name: as(opt(z.string()), "What it was named."),
  createdAt: as(time, "When it was made."),
  expiresAt: as(opt(time), "When it stops working; absent: never."),
};
const Key = as(z.object(keyFields), "An API key, without its text.");

/** What `/admin` answers with. */
export const adminShapes = {
  Project,
  ProjectPage: pageOf(Project, "projects"),
  Key,
  NewKey: as(
    z.object({ ...keyFields, key: as(z.string(), "The key's text: shown this once.", "rb_…") }),
    "A new API key.",
  ),
  KeyPage: pageOf(Key, "API keys, oldest first"),
} as const;
