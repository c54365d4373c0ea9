import * as z from "zod/mini";
import { redeliver } from "../../deliveries/redeliver.ts";
import { id, page } from "../../shared/schema-fields.ts";
import { getDelivery, listDeliveries } from "../../tasks/read/get-task.ts";
import { deliveryView } from "../../tasks/view.ts";
import { nextLink } from "../pipeline/headers.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../pipeline/idempotency.ts";
import { answer } from "../pipeline/respond.ts";
import { type Route, route } from "../pipeline/route.ts";

const list = route({
  method: "GET",
  path: "/v1/deliveries",
  operation: "listDeliveries",
  summary: "List deliveries, newest first",
  tag: "Deliveries",
  access: "key",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  query: z.strictObject({
    taskId: z.exactOptional(id("task")),
    endpointId: z.exactOptional(id("ep")),
    status: z.exactOptional(z.enum(["pending", "delivered", "dead"])),
    ...page,
  }),
  answers: { 200: { shape: "DeliveryPage", headers: ["Link"] } },
  async handle({ c, ctx, caller, query }) {
    const { data, nextCursor } = await listDeliveries(ctx, caller, query);
    const items = data.map((record) => deliveryView(record, { attempts: false }));
    return answer(
      c,
      200,
      { data: items, nextCursor: nextCursor ?? null },
      {
        ...(nextCursor && { Link: nextLink(ctx.settings.publicUrl, c.req.url, nextCursor) }),
      },
    );
  },
});

const read = route({
  method: "GET",
  path: "/v1/deliveries/:id",
  operation: "getDelivery",
  summary: "Look a delivery and its attempts up",
  tag: "Deliveries",
  access: "key",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  params: { id: "del" },
  answers: { 200: { shape: "Delivery" } },
  async handle({ c, ctx, caller, params }) {
    return answer(c, 200, deliveryView(await getDelivery(ctx, caller, params.id), { attempts: true }));
  },
});

const again = route({
  method: "POST",
  path: "/v1/deliveries/:id/redeliver",
  operation: "redeliver",
  summary: "Send an ended delivery again",
  tag: "Deliveries",
  access: "key",
  scope: "tasks:write",
  scopeCheckedBy: "script",
  params: { id: "del" },
  headers: ["Idempotency-Key"],
  answers: { 202: { shape: "Delivery", headers: ["Location", "Idempotent-Replayed"] } },
  problems: ["delivery-pending", ...IDEMPOTENCY_PROBLEMS],
  async handle({ c, ctx, caller, params }) {
    const { record, replayed } = await redeliver(ctx, caller, params.id, await idempotencyIn(c));
    return answer(c, 202, deliveryView(record, { attempts: true }), {
      Location: `${ctx.settings.publicUrl}/v1/deliveries/${record.id}`,
      ...replayedHeader(replayed),
    });
  },
});

export const deliveryRoutes: readonly Route[] = [list, read, again];
