import * as z from "zod/mini";
import { CHECKS } from "../../doctor/check.ts";
import { as, count, id, opt, pageOf, time } from "./shape.ts";

const projectFields = {
  id: as(id("prj"), "The project's id."),
  name: as(z.string(), "Its name.", "shop"),
};
const Project = as(z.object(projectFields), "A project: its keys see its tasks and nobody else's.");

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
  LimitedProject: as(
    z.object({
      ...projectFields,
      searchable: as(z.array(z.string()), "Metadata keys that its tasks are found by.", ["orderId"]),
      rateLimit: as(z.nullable(z.int()), "Tasks per second; null: what the deployment says."),
      maxOpen: as(z.nullable(z.int()), "Tasks that have not ended; null: what the deployment says."),
    }),
    "A project with its own limits.",
  ),
  ProjectPage: pageOf(Project, "projects"),
  SealedSecrets: as(
    z.object({
      rotating: as(z.boolean(), "Whether a previous master secret is configured."),
      previousNeeded: as(z.boolean(), "Whether anything is still sealed under it; when not, it can go."),
      payloads: as(
        opt(z.enum(["checking", "needed", "clear"])),
        "While it rotates: whether the last look through everything stored found payloads under the previous one; `checking` until the first is done.",
      ),
      data: as(
        z.array(
          z.object({
            ...projectFields,
            previous: as(count, "Secrets that the next sweeps encrypt anew."),
            lost: as(count, "Secrets that no configured master secret opens."),
          }),
        ),
        "The projects concerned; none when all is well.",
      ),
    }),
    "How the rotation of the master secret stands.",
  ),
  Diagnosis: as(
    z.object({
      ok: as(z.boolean(), "Whether every check is."),
      checks: as(
        z.array(
          z.object({
            name: as(z.enum(CHECKS), "What was checked."),
            ok: as(z.boolean(), "Whether it is as it should be; true also for what does not apply."),
            detail: as(z.string(), "What was found, for people; `not used` where it does not apply."),
            fix: opt(as(z.string(), "What to do, where it is not ok.")),
          }),
        ),
        "Every check, always in this order.",
      ),
    }),
    "How the deployment is.",
  ),
  Key,
  NewKey: as(
    z.object({ ...keyFields, key: as(z.string(), "The key's text: shown this once.", "rb_…") }),
    "A new API key.",
  ),
  KeyPage: pageOf(Key, "API keys, oldest first"),
} as const;
