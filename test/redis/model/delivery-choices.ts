import { type Choice, fresh, mostly, one, recent } from "./picking.ts";

export const begin: Choice = ([a, b, c], model, { sendings }) => {
  const all = [...model.deliveries.values()];
  const pending = all.filter(({ status }) => status === "pending");
  const delivery = one(mostly(pending, [all], c), a);
  if (!delivery) return undefined;
  const next = delivery.lease === "" ? delivery.attempt + 1 : delivery.attempt;
  return {
    kind: "begin",
    delivery: delivery.id,
    attempt: mostly(next, [next + 1, delivery.attempt], b),
    lease: c % 4 === 3 ? (recent(sendings, c)?.lease ?? fresh()) : fresh(),
  };
};

export const record: Choice = ([a, b], { now, deliveries: known }, { sendings }) => {
  const sending = recent(sendings, a);
  if (!sending) return undefined;
  return {
    ...sending,
    kind: "record",
    outcome: (["delivered", "dead", "retry"] as const)[b % 3] ?? "delivered",
    endpoint: known.get(sending.delivery)?.endpoint,
    at: now,
    nonce: fresh(),
  };
};

export const redeliver: Choice = ([a, b], { now }, { deliveries: read }) => {
  const delivery = one([...read.values()], a);
  if (!delivery) return undefined;
  const { id, endpointId, endedAt = now } = delivery;
  const asRead = b % 5 === 4 ? endedAt - 1 : endedAt; // it was sent again, and has ended again, since it was read
  return { kind: "redeliver", delivery: id, endpoint: endpointId, endedAt: asRead, nonce: fresh() };
};
