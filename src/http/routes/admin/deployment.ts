import * as z from "zod/mini";
import { CHECKS } from "../../../doctor/check.ts";
import { examine } from "../../../doctor/examine.ts";
import { encryptedPayloads, listEncrypted } from "../../../projects/re-encrypt.ts";
import { projectExample, projectFields } from "../../../projects/schema.ts";
import { component, count, field, opt } from "../../../shared/schema/schema.ts";
import { type Route, route } from "../../pipeline/route.ts";

const SealedSecrets = component(
  "SealedSecrets",
  () =>
    z.object({
      rotating: field(z.boolean(), "Whether a previous master secret is configured."),
      previousNeeded: field(
        z.boolean(),
        "Whether any data is still encrypted under it; when not, it can be removed.",
      ),
      payloads: field(
        opt(z.enum(["checking", "needed", "clear"])),
        "While it rotates: whether the last look through everything stored found payloads under the previous one; `checking` until the first is done.",
      ),
      data: field(
        z.array(
          z.object({
            ...projectFields,
            previous: field(count, "Secrets that the next sweeps encrypt again."),
            lost: field(count, "Secrets that no configured master secret decrypts."),
          }),
        ),
        "The projects concerned; none when all is well.",
      ),
    }),
  {
    description: "The progress of a rotation of the master secret.",
    example: { rotating: true, previousNeeded: true, data: [{ ...projectExample, previous: 2, lost: 0 }] },
  },
);

export const Diagnosis = component(
  "Diagnosis",
  () =>
    z.object({
      ok: field(z.boolean(), "Whether every check is ok."),
      checks: field(
        z.array(
          z.object({
            name: field(z.enum(CHECKS), "The checked part."),
            ok: field(z.boolean(), "Whether the check passed; true also for a check that does not apply."),
            detail: field(z.string(), "The finding, for people; `not used` where it does not apply."),
            fix: field(opt(z.string()), "The action to take, where it is not ok."),
          }),
        ),
        "Every check, always in this order.",
      ),
    }),
  {
    description: "The state of the deployment.",
    example: {
      ok: false,
      checks: [
        { name: "redis", ok: true, detail: "Redis answers and runs scripts." },
        {
          name: "queue-token",
          ok: false,
          detail: "QStash refuses QSTASH_TOKEN (401).",
          fix: "Copy QSTASH_TOKEN and QSTASH_URL from the same QStash account and region.",
        },
      ],
    },
  },
);

const declared = { tag: "Administration", access: "admin" } as const;

const encrypted = route({
  ...declared,
  method: "GET",
  path: "/admin/secrets",
  operation: "listEncryptedSecrets",
  summary: "Show which data still needs the previous master secret",
  description:
    "While `RINGBACK_PREVIOUS_MASTER_SECRET` is set, each sweep encrypts the secrets of some projects again; no customer's secret or key changes by it. When `previousNeeded` is false, the previous one can be removed. Only unexpired task tokens and links that it signed then become invalid.",
  answers: { 200: { description: "The progress of the rotation.", body: SealedSecrets } },
  async handle({ ctx, reply }) {
    const [data, payloads] = await Promise.all([listEncrypted(ctx), encryptedPayloads(ctx)]);
    const byPayloads = payloads !== undefined && payloads !== "clear";
    return reply(200, {
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
  summary: "Check the services and settings of the deployment",
  description:
    "Checks Redis, the clocks, QStash's token, whether messages of QStash arrive here with a valid signature, the sweep, the master secret, the resolver, and the calls in flight; answers within 15 seconds. To check the path back it sends itself a probe through QStash, at most one a minute; else `queue-delivery` reports the last, with its time.",
  answers: { 200: { description: "The findings of the checks.", body: Diagnosis } },
  async handle({ ctx, reply }) {
    const checks = await examine(ctx);
    return reply(200, { ok: checks.every(({ ok }) => ok), checks });
  },
});

export const deploymentRoutes: readonly Route[] = [encrypted, doctor];
