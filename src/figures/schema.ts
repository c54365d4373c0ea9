import * as z from "zod/mini";
import { component, count, field, type Infer, opt, time } from "../shared/schema/schema.ts";

const endings = () => ({
  accepted: field(count, "Accepted."),
  succeeded: field(count, "Ended as `succeeded`."),
  failed: field(count, "Ended as `failed`."),
  canceled: field(count, "Ended as `canceled`."),
  expired: field(count, "Ended as `expired`."),
});

export const Stats = component(
  "Stats",
  () =>
    z.object({
      now: field(time, "When the figures were read, by the clock of Redis."),
      tasks: field(
        z.object({
          open: field(count, "Tasks that have not ended."),
          scheduled: field(count, "Of these: they start later."),
          queued: field(count, "Of these: they wait for an attempt."),
          running: field(count, "Of these: an attempt is under way."),
          waiting: field(count, "Of these: another party finishes them."),
          exact: field(
            z.boolean(),
            "Whether every open task was looked at; otherwise the split is that of a sample, scaled to all.",
          ),
        }),
        "The tasks that have not ended.",
      ),
      oldestWaitingAt: field(
        opt(time),
        "The earliest start of a task that should have started and has not, as the last sweep saw it.",
      ),
      totals: field(
        z.object(endings()),
        "Tasks since the project began; a replay counts among the endings again.",
      ),
      deliveries: field(
        z.object({ dead: field(count, "Deliveries that have died and were not sent again.") }),
        "The deliveries.",
      ),
      series: field(
        z.array(
          z.object({
            at: field(time, "The beginning of the hour or day."),
            ...endings(),
            dead: field(count, "Deliveries that died in it and were not sent again."),
          }),
        ),
        "The tasks that were accepted in each hour or day, and what became of them so far; oldest first.",
      ),
      lastSweepAt: field(opt(time), "When the last sweep was done."),
    }),
  {
    description: "The figures of a project, or of all.",
    example: {
      now: "2026-11-24T09:15:00.000Z",
      tasks: { open: 3, scheduled: 1, queued: 0, running: 2, waiting: 0, exact: true },
      totals: { accepted: 120, succeeded: 115, failed: 2, canceled: 0, expired: 0 },
      deliveries: { dead: 1 },
      series: [
        {
          at: "2026-11-24T09:00:00.000Z",
          accepted: 12,
          succeeded: 9,
          failed: 0,
          canceled: 0,
          expired: 0,
          dead: 1,
        },
      ],
      lastSweepAt: "2026-11-24T09:14:30.000Z",
    },
  },
);
export type Stats = Infer<typeof Stats>;
