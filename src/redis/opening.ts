import { DUE_GRACE, LEASE_GRACE } from "../domain/limits.ts";
import type { NewDelivery } from "../flow/delivery-commands.ts";
import { deliveryMember, keysOf } from "./keys.ts";

/**
 * Opens deliveries: their due entries first, then their hashes. Words per delivery: the key's number, the due member,
 * the lease's length (0: nobody sends yet), how many fields follow, the fields.
 */
export const OPENING = `
local function open(due, t, created, words, at, count)
  local dues, hashes = {}, {}
  for _ = 1, count do
    local key, entry, lease, size = KEYS[num(words[at])], words[at + 1], num(words[at + 2]), num(words[at + 3])
    local fields = {'status', 'pending', 'created', created, 'next', ms(t), 'until', ms(lease > 0 and t + lease or 0)}
    for i = at + 4, at + 3 + size do fields[#fields + 1] = words[i] end
    dues[#dues + 1] = ms(lease > 0 and t + lease + ${LEASE_GRACE} or t + ${DUE_GRACE})
    dues[#dues + 1] = entry
    hashes[#hashes + 1] = {key, fields}
    at = at + 4 + size
  end
  if #dues > 0 then redis.call('ZADD', due, unpack(dues)) end
  for _, d in ipairs(hashes) do redis.call('HSET', d[1], unpack(d[2])) end
end
`;

/** The words for `open`; the deliveries' keys are added to `keys`. */
export function openingWords(
  keys: string[],
  project: string,
  task: string,
  deliveries: readonly NewDelivery[],
): readonly (string | number)[] {
  const names = keysOf(project);
  return deliveries.flatMap((delivery) => {
    const fields = fieldsOfNew(task, delivery);
    const at = keys.push(names.delivery(delivery.id));
    return [at, deliveryMember(project, delivery.id), delivery.lease?.length ?? 0, fields.length, ...fields];
  });
}

function fieldsOfNew(task: string, delivery: NewDelivery): readonly string[] {
  const fields: Record<string, string> = {
    task,
    event: delivery.eventId,
    type: delivery.eventType,
    url: delivery.url,
    body: delivery.body,
    attempt: delivery.lease ? "1" : "0",
    lease: delivery.lease?.id ?? "",
    ...(delivery.endpointId && { endpoint: delivery.endpointId }),
    ...(delivery.traceparent && { trace: delivery.traceparent }),
    ...(delivery.once && { once: "1" }),
  };
  return Object.entries(fields).flat();
}
