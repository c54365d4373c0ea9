import {
  BODY_RETENTION,
  DELIVERY_RETENTION,
  DUE_GRACE,
  INDEX_RETENTION,
  LEASE_GRACE,
} from "../domain/limits.ts";
import type { NewDelivery } from "../flow/delivery-commands.ts";
import { dayOf, deliveryMember, keysOf } from "./keys.ts";

/**
 * Opens deliveries: their due entries first, then what they share, then their hashes. Words per delivery: the key's
 * number, the due member, the lease's length (0: nobody sends yet), the number of the dead letters' key (0: it is
 * alive), how many fields follow, the fields. After the last one: how many bodies follow, each with its key's number.
 */
export const OPENING = `
local function open(due, t, created, words, at, count)
  local dues, hashes, dead = {}, {}, {}
  for _ = 1, count do
    local key, entry, lease, size = KEYS[num(words[at])], words[at + 1], num(words[at + 2]), num(words[at + 4])
    local letters = KEYS[num(words[at + 3])]
    local fields = {'created', created, 'next', ms(t), 'until', ms(lease > 0 and t + lease or 0)}
    for i = at + 5, at + 4 + size do fields[#fields + 1] = words[i] end
    if letters then dead[#dead + 1] = {key, letters, string.match(entry, '[^|]+$')}
    else
      dues[#dues + 1] = ms(lease > 0 and t + lease + ${LEASE_GRACE} or t + ${DUE_GRACE})
      dues[#dues + 1] = entry
    end
    hashes[#hashes + 1] = {key, fields}
    at = at + 5 + size
  end
  if #dues > 0 then redis.call('ZADD', due, unpack(dues)) end
  for i = at + 1, at + 2 * num(words[at]), 2 do
    redis.call('SET', KEYS[num(words[i])], words[i + 1], 'PX', '${BODY_RETENTION}')
  end
  for _, d in ipairs(hashes) do redis.call('HSET', d[1], unpack(d[2])) end
  for _, d in ipairs(dead) do
    redis.call('PEXPIRE', d[1], '${DELIVERY_RETENTION}')
    redis.call('ZADD', d[2], created, d[3])
  end
  if #dead > 0 then redis.call('PEXPIRE', dead[1][2], '${INDEX_RETENTION}') end
end
`;

/** The words for `open`, whose keys are added to `keys`; and the names of the bodies that are kept apart. */
export function openingWords(
  keys: string[],
  project: string,
  task: string,
  deliveries: readonly NewDelivery[],
): { readonly words: readonly (string | number)[]; readonly bodies: readonly string[] } {
  const names = keysOf(project);
  const apart = new Map<string, string>();
  let letters = 0;
  const words = deliveries.flatMap((delivery) => {
    const { id, dead } = delivery;
    const fields = fieldsOfNew(task, delivery);
    const key = keys.push(names.delivery(id));
    if (delivery.shared) apart.set(`${delivery.eventId}:${delivery.format}`, delivery.body);
    if (dead && letters === 0) letters = keys.push(names.dead(dayOf(dead.at)));
    const place = [key, deliveryMember(project, id), delivery.lease?.length ?? 0, dead ? letters : 0];
    return [...place, fields.length, ...fields];
  });
  const kept = [...apart].map(([name, body]) => [keys.push(names.sharedBody(name)), body] as const);
  return { words: [...words, kept.length, ...kept.flat()], bodies: [...apart.keys()] };
}

function fieldsOfNew(task: string, delivery: NewDelivery): readonly string[] {
  const { lease, dead } = delivery;
  const fields: Record<string, string> = {
    status: dead ? "dead" : "pending",
    task,
    event: delivery.eventId,
    type: delivery.eventType,
    url: delivery.url,
    attempt: lease || dead ? "1" : "0",
    lease: lease?.id ?? "",
    ...(!delivery.shared && { body: delivery.body }),
    ...(delivery.format !== "full" && { fmt: delivery.format }),
    ...(delivery.endpointId && { endpoint: delivery.endpointId }),
    ...(delivery.rateLimit && { rate: String(delivery.rateLimit) }),
    ...(delivery.traceparent && { trace: delivery.traceparent }),
    ...(delivery.once && { once: "1" }),
    ...(dead && { ended: dead.at.toFixed(0), "a:1": dead.log }),
  };
  return Object.entries(fields).flat();
}
