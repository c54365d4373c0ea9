import * as z from "zod/mini";
import { component, field, opt, time } from "../../../shared/schema/schema.ts";
import { duration } from "../../../shared/schema/schema-fields.ts";
import { getTask } from "../../../tasks/read/get-task.ts";
import { timestamp } from "../../../tasks/view.ts";
import { type Route, route } from "../../pipeline/route.ts";

const MINUTE = 60_000;

/** How long a token opens its task unless the client says otherwise, and at most; milliseconds. */
const LIFE = { usual: 15 * MINUTE, longest: 60 * MINUTE };

const BrowserTokenRequest = component(
  "BrowserTokenRequest",
  () =>
    z.strictObject({
      expiresIn: field(
        opt(duration(1_000, LIFE.longest)),
        "After so long it opens nothing, `1s` to `1h`; `15m` unless given.",
      ),
    }),
  { description: "A token for a browser.", example: { expiresIn: "15m" } },
);

const self = "https://ringback.example.com/v1/tasks/task_01kawv0m1ne0nvxf9dkb2jc5h0";

const BrowserToken = component(
  "BrowserToken",
  () =>
    z.object({
      token: field(z.string(), "The token.", "rbb_…"),
      expiresAt: field(time, "Until when it opens the task."),
      links: field(
        z.object({
          self: field(z.url(), "The task."),
          operation: field(z.url(), "Its operation."),
          result: field(z.url(), "Its bare result."),
          events: field(z.url(), "Its timeline; for an `EventSource`, live."),
        }),
        "Addresses with the token in them.",
      ),
    }),
  {
    description: "A token that reads one task, and does nothing else.",
    example: {
      token: "rbb_3kqM",
      expiresAt: "2026-11-24T09:15:00.000Z",
      links: {
        self: `${self}?token=rbb_3kqM`,
        operation: `${self}/operation?token=rbb_3kqM`,
        result: `${self}/result?token=rbb_3kqM`,
        events: `${self}/events?token=rbb_3kqM`,
      },
    },
  },
);

const create = route({
  method: "POST",
  path: "/v1/tasks/:id/token",
  operation: "createBrowserToken",
  summary: "Make a short-lived token with which a browser reads a task",
  description:
    "A page holds no API key: with this token it reads the one task, its operation, its result and its timeline, as `?token=` or as a bearer token. Other origins also need `RINGBACK_CORS_ORIGINS`. It cannot be revoked, and a stream that is open goes on.",
  tag: "Tasks",
  access: "key",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  params: { id: "task" },
  body: BrowserTokenRequest,
  optionalBody: true,
  answers: { 201: { description: "Made: the token.", body: BrowserToken } },
  async handle({ ctx, caller, params, body, reply }) {
    const { record } = await getTask(ctx, caller, params.id);
    const { keyring, settings } = ctx;
    const life = body.expiresIn ?? LIFE.usual;
    const expiresAt = Math.floor((ctx.clock() + life) / 1_000) * 1_000;
    const token = await keyring.issueBrowserToken(caller.project, record.id, expiresAt);
    const address = (part: string): string =>
      `${settings.publicUrl}/v1/tasks/${record.id}${part}?token=${token}`;
    return reply(201, {
      token,
      expiresAt: timestamp(expiresAt),
      links: {
        self: address(""),
        operation: address("/operation"),
        result: address("/result"),
        events: address("/events"),
      },
    });
  },
});

export const browserTokenRoutes: readonly Route[] = [create];
