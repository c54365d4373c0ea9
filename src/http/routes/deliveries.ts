import * as z from "zod/mini";
import { redeliver } from "../../deliveries/redeliver.ts";
import { Delivery, DeliveryPage } from "../../deliveries/schema.ts";
import { listEveryProject } from "../../projects/every-project.ts";
import { field, opt } from "../../shared/schema/schema.ts";
import { id, instant, page, text } from "../../shared/schema/schema-fields.ts";
import { getDelivery, listDeliveries } from "../../tasks/read/get-task.ts";
import { deliverySummary, deliveryView } from "../../tasks/view.ts";
import { projectRequired } from "../access/project.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../pipeline/idempotency.ts";
import { type Route, route } from "../pipeline/route.ts";
import { linkTo } from "./tasks/task-answer.ts";

const list = route({
  method: "GET",
  path: "/v1/deliveries",
  operation: "listDeliveries",
  summary: "List deliveries, newest first",
  description:
    "Those of the project's tasks, or of one task or batch. Pages may be short: follow `nextCursor`. The admin token without `Ringback-Project` reads those of all projects, one project after the other.",
  tag: "Deliveries",
  access: "key",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  query: z.strictObject({
    taskId: field(opt(id("task")), "Only this task's deliveries."),
    batchId: field(opt(id("batch")), "Only the deliveries of this batch's `batch.completed`."),
    endpointId: field(opt(id("ep")), "Only deliveries to this endpoint; pages may be short."),
    status: field(opt(z.enum(["pending", "delivered", "dead"])), "Only deliveries of this status."),
    errorCode: field(opt(text(1, 64)), "Only deliveries whose last attempt failed with this code."),
    createdAfter: field(opt(instant()), "Only deliveries whose event happened later than then, RFC 3339."),
    createdBefore: field(opt(instant()), "Only deliveries whose event happened earlier than then, RFC 3339."),
    ...page,
  }),
  answers: { 200: { description: "A page of deliveries.", body: DeliveryPage, headers: ["Link"] } },
  async handle({ c, ctx, caller, query, reply }) {
    const { data, nextCursor } = await listDeliveries(ctx, caller, query);
    const items = data.map(deliverySummary);
    return reply(200, { data: items, nextCursor: nextCursor ?? null }, linkTo(c, ctx, nextCursor));
  },
  async handleEveryProject({ c, ctx, query, reply }) {
    if (query.taskId !== undefined || query.batchId !== undefined) throw projectRequired();
    const { data, nextCursor } = await listEveryProject(ctx, query, "tasks", (admin, place) =>
      listDeliveries(ctx, admin, { ...withoutCursor(query), ...place }),
    );
    const items = data.map(({ project, item }) => ({ ...deliverySummary(item), project }));
    return reply(200, { data: items, nextCursor: nextCursor ?? null }, linkTo(c, ctx, nextCursor));
  },
});

function withoutCursor<Query extends { readonly cursor?: string }>({ cursor: _, ...query }: Query) {
  return query;
}

const read = route({
  method: "GET",
  path: "/v1/deliveries/:id",
  operation: "getDelivery",
  summary: "Read a delivery and its attempts",
  description: "With every attempt: when, how long, the receiver's answer, or the reason of the failure.",
  tag: "Deliveries",
  access: "key",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  params: { id: "del" },
  answers: { 200: { description: "The delivery.", body: Delivery } },
  async handle({ ctx, caller, params, reply }) {
    return reply(200, deliveryView(await getDelivery(ctx, caller, params.id)));
  },
});

const again = route({
  method: "POST",
  path: "/v1/deliveries/:id/redeliver",
  operation: "redeliver",
  summary: "Send an ended delivery again",
  description:
    "The same event with the same id and body; its schedule starts again, the first attempt goes out at once.",
  tag: "Deliveries",
  access: "key",
  scope: "tasks:write",
  scopeCheckedBy: "script",
  params: { id: "del" },
  headers: ["Idempotency-Key"],
  answers: {
    202: {
      description: "The delivery, which is being sent again.",
      body: Delivery,
      headers: ["Location", "Idempotent-Replayed"],
    },
  },
  problems: ["delivery-pending", ...IDEMPOTENCY_PROBLEMS],
  async handle({ c, ctx, caller, params, reply }) {
    const { record, replayed } = await redeliver(ctx, caller, params.id, await idempotencyIn(ctx, c));
    return reply(202, deliveryView(record), {
      Location: `${ctx.settings.publicUrl}/v1/deliveries/${record.id}`,
      ...replayedHeader(replayed),
    });
  },
});

export const deliveryRoutes: readonly Route[] = [list, read, again];
