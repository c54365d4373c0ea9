import * as z from "zod/mini";
import { component, count, field, type Infer, opt, time, typeId } from "../../shared/schema/schema.ts";

/* The schemas of batches with one callback. */

const EXAMPLE = "batch_01kawv0m1ne0r9d4e5x6m7q8wz";

const counted = () => ({
  succeeded: field(count, "Tasks whose first run succeeded.", 97),
  failed: field(count, "Tasks whose first run failed.", 2),
  canceled: field(count, "Tasks whose first run was canceled.", 1),
  expired: field(count, "Tasks whose first run expired.", 0),
});

const total = field(count, "Tasks that were accepted.", 100);

export const batchId = field(typeId("batch"), "The batch's id.", EXAMPLE);

const links = field(z.object({ self: field(z.url(), "The batch.") }), "Absolute addresses.");

const metadata = field(z.record(z.string(), z.string()), "The metadata of the batch, as it was submitted.");

/** The data of `batch.completed`. */
export const batchData = z.lazy(() =>
  z.object({
    id: batchId,
    project: field(typeId("prj"), "The project's id."),
    counts: field(z.object({ total, ...counted() }), "How its tasks have ended, each counted once."),
    metadata,
    links,
  }),
);
export type BatchData = Infer<typeof batchData>;

const self = `https://ringback.example.com/v1/batches/${EXAMPLE}`;

export const batchDataExample: BatchData = {
  id: EXAMPLE,
  project: "prj_01kawtzq4je0a8yqh3n5v6w7x8",
  counts: { total: 100, succeeded: 97, failed: 2, canceled: 1, expired: 0 },
  metadata: { import: "2026-11" },
  links: { self },
};

export const Batch = component(
  "Batch",
  () =>
    z.object({
      id: batchId,
      status: field(
        z.enum(["open", "completed"]),
        "`completed`: every accepted task has ended once, and `batch.completed` is on its way.",
      ),
      counts: field(
        z.object({ total, open: field(count, "Tasks that have not ended yet.", 0), ...counted() }),
        "How its tasks have ended, each counted once: a replay changes nothing.",
      ),
      metadata,
      callbackUrl: field(opt(z.string()), "The address that `batch.completed` goes to."),
      createdAt: field(time, "When it was submitted."),
      completedAt: field(opt(time), "When its last task had ended."),
      tasks: field(
        z.array(
          z.object({
            id: field(typeId("task"), "The task's id."),
            ended: field(
              opt(z.enum(["succeeded", "failed", "canceled", "expired"])),
              "How it ended first; absent while it has not ended.",
            ),
          }),
        ),
        "Its accepted tasks.",
      ),
      links,
    }),
  {
    description: "A batch with one callback.",
    example: {
      id: EXAMPLE,
      status: "open",
      counts: { total: 2, open: 1, succeeded: 1, failed: 0, canceled: 0, expired: 0 },
      metadata: { import: "2026-11" },
      callbackUrl: "https://shop.example.com/hooks",
      createdAt: "2026-11-24T09:00:00.000Z",
      tasks: [
        { id: "task_01kawv0m1ne0nvxf9dkb2jc5h0", ended: "succeeded" },
        { id: "task_01kawv0m1ne0p3s6q8r5t7v9w2" },
      ],
      links: { self },
    },
  },
);
export type Batch = Infer<typeof Batch>;
