import * as z from "zod/mini";
import { TERMINAL } from "../../tasks/status.ts";
import { as, id, opt, time } from "./shape.ts";
import { links, status, taskFields } from "./task-fields.ts";

const type = z.enum([...TERMINAL, "started", "waiting", "progress"].map((word) => `task.${word}`));

const TaskEvent = as(
  z.object({
    type: as(type, "What happened."),
    timestamp: as(time, "When it happened; `webhook-timestamp` is when this attempt was made."),
    data: as(
      z.object({
        ...taskFields,
        project: as(id("prj"), "The project's id."),
        resultOmitted: as(
          opt(z.literal(true)),
          "The result is larger than 64 KiB: read it at `links.result`.",
        ),
        links: as(
          z.object({
            ...links,
            result: as(z.url(), "Its bare result; with a token of its own when it was omitted."),
          }),
          "Absolute addresses.",
        ),
      }),
      "The task as it was at that moment, with its result once it has one.",
    ),
  }),
  "The body of a callback: Standard Webhooks, frozen when the event happened.",
);

const ThinTaskEvent = as(
  z.object({
    type: as(type, "What happened."),
    timestamp: as(time, "When it happened."),
    data: as(
      z.object({
        id: taskFields.id,
        type: taskFields.type,
        status,
        done: taskFields.done,
        run: taskFields.run,
        sequence: taskFields.sequence,
        project: as(id("prj"), "The project's id."),
        links: as(z.object(links), "Absolute addresses; an API key opens them."),
      }),
      "What tells whether the task is worth a look.",
    ),
  }),
  "The body of an event to an endpoint with the format `thin`.",
);

const CloudEvent = as(
  z.object({
    specversion: as(z.literal("1.0"), "CloudEvents 1.0."),
    id: as(id("evt"), "The event's id, the same as `webhook-id`."),
    source: as(z.url(), "The gateway."),
    type: as(z.string(), "What happened.", "task.succeeded"),
    subject: as(z.string(), "The task's or the endpoint's id."),
    time: as(time, "When it happened."),
    datacontenttype: as(z.literal("application/json"), "What `data` is."),
    data: as(z.record(z.string(), z.unknown()), "The same as `data` of the format `full`."),
  }),
  "The body of an event to an endpoint with the format `cloudevents`: structured mode.",
);

/** The bodies of tasks' events. */
export const eventShapes = { TaskEvent, ThinTaskEvent, CloudEvent } as const;
