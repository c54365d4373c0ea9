import type { NewDelivery } from "../../../ports/delivery-commands.ts";
import { BODY_RETENTION, DELIVERY_RETENTION, DUE_GRACE, LEASE_GRACE } from "../../../shared/limits.ts";
import { originOf } from "../../../shared/origin.ts";
import type { Context } from "../context.ts";
import { deliveryMember, keysOf } from "../keys.ts";
import type { ScriptReply } from "../script.ts";
import { CIRCUIT } from "./circuit.ts";
import { addDeadLetterKeys, FILING } from "./filing.ts";

/**
 * Opens deliveries: their due entries first, then what they share, then their hashes. Words per delivery: the key's
 * number, the due member, the lease's length (0: nobody sends yet), the numbers of the keys of the dead letters (0: it is
 * alive) and of their day (0: it is not written), how many fields follow, the fields. After the last one: how many bodies
 * follow, each with its key's number.
 * Its caller runs it in `together`: when a command fails, what it wrote is taken back.
 *
 * With the project's fields it heeds the circuits of the destinations: a first attempt is held back where one is open,
 * or becomes its probe. Answers which are held and for how long (`<id>:<ms>,…`), and the circuits to be written.
 */
export const OPENING = `${CIRCUIT}${FILING}
-- The names of the circuits that \`open\` has to know: fields of the project's hash.
local function placesOf(args, at, count, names)
  for _ = 1, count do
    local size, own = num(args[at + 5]), {}
    for i = at + 6, at + 5 + size, 2 do own[args[i]] = args[i + 1] end
    names[#names + 1] = placeOf(own)
    at = at + 6 + size
  end
  return names
end
local function open(due, t, created, args, at, count, p)
  local dues, hashes, dead, held, circuits = {}, {}, {}, {}, {}
  for _ = 1, count do
    local key, entry, lease, size = KEYS[num(args[at])], args[at + 1], num(args[at + 2]), num(args[at + 5])
    local deadLetters, day = KEYS[num(args[at + 3])], KEYS[num(args[at + 4])]
    local own, fields, wait = {}, {'created', created}, 0
    for i = at + 6, at + 5 + size, 2 do
      own[args[i]] = args[i + 1]
      fields[#fields + 1] = args[i]
      fields[#fields + 1] = args[i + 1]
    end
    local id, place = string.match(entry, '[^|]+$'), placeOf(own)
    local c = p and not deadLetters and circuitOf(p[place], t)
    local function field(name, value) fields[#fields + 1] = name; fields[#fields + 1] = value end
    if c then field('watch', '1') end
    if c and c.trips > 0 and lease > 0 then
      if c.open > t then wait = c.open - t
      else
        p[place] = probeBy(c, own.lease, t + lease)
        circuits[#circuits + 1] = place
        circuits[#circuits + 1] = p[place]
      end
    end
    if wait > 0 then
      lease = 0
      held[#held + 1] = id .. ':' .. ms(wait)
      field('attempt', '0') field('lease', '') field('held', ms(t))
    end
    field('next', ms(t + wait)) field('until', ms(lease > 0 and t + lease or 0))
    if deadLetters then dead[#dead + 1] = {deadLetters, day or false, own.ended, id, own.endpoint} fields.dead = true
    else
      dues[#dues + 1] = ms(lease > 0 and t + lease + ${LEASE_GRACE} or t + wait + ${DUE_GRACE})
      dues[#dues + 1] = entry
      undone('ZREM', due, entry)
    end
    hashes[#hashes + 1] = {key, fields}
    at = at + 6 + size
  end
  if #dues > 0 then redis.call('ZADD', due, unpack(dues)) end
  for i = at + 1, at + 2 * num(args[at]), 2 do
    redis.call('SET', KEYS[num(args[i])], args[i + 1], 'PX', '${BODY_RETENTION}')
  end
  for _, d in ipairs(hashes) do
    undone('DEL', d[1])
    if d[2].dead then keep(d[1], '${DELIVERY_RETENTION}', d[2]) else redis.call('HSET', d[1], unpack(d[2])) end
  end
  for _, d in ipairs(dead) do fileDead(unpack(d)) end
  return table.concat(held, ','), circuits
end
`;

/** The words for `open`, whose keys are added to `keys`; and the names of the bodies that are kept apart. */
export function openingArgs(
  context: Pick<Context, "filesByDay">,
  keys: string[],
  project: string,
  deliveries: readonly NewDelivery[],
): { readonly args: readonly (string | number)[]; readonly bodies: readonly string[] } {
  const names = keysOf(project);
  const apart = new Map<string, string>();
  const args = deliveries.flatMap((delivery) => {
    const { id, dead } = delivery;
    const fields = fieldsOfNew(delivery);
    const key = keys.push(names.delivery(id));
    if (delivery.shared) apart.set(`${delivery.eventId}:${delivery.format}`, delivery.body);
    const filed = dead
      ? addDeadLetterKeys(context, keys, project, delivery.endpointId, Math.round(dead.at))
      : { dead: 0, day: 0 };
    const place = [key, deliveryMember(project, id), delivery.lease?.length ?? 0, filed.dead, filed.day];
    return [...place, fields.length, ...fields];
  });
  const kept = [...apart].map(([name, body]) => [keys.push(names.sharedBody(name)), body] as const);
  return { args: [...args, kept.length, ...kept.flat()], bodies: [...apart.keys()] };
}

/** What `open` says of held deliveries: for how many milliseconds each. */
export function heldOf(text: ScriptReply | undefined): ReadonlyMap<string, number> {
  const held = String(text ?? "")
    .split(",")
    .filter(Boolean);
  return new Map(held.map((one) => [one.split(":")[0] ?? "", Number(one.split(":")[1])]));
}

function fieldsOfNew(delivery: NewDelivery): readonly string[] {
  const { lease, dead } = delivery;
  const fields: Record<string, string> = {
    status: dead ? "dead" : "pending",
    task: delivery.taskId,
    event: delivery.eventId,
    type: delivery.eventType,
    url: delivery.url,
    ...placeField(delivery.url),
    attempt: lease || dead ? "1" : "0",
    lease: lease?.id ?? "",
    ...(!delivery.shared && { body: delivery.body }),
    ...(delivery.format !== "full" && { fmt: delivery.format }),
    ...(delivery.endpointId && { endpoint: delivery.endpointId }),
    ...(delivery.rateLimit && { rate: String(delivery.rateLimit) }),
    ...(delivery.trace && { trace: delivery.trace }),
    ...(delivery.once && { once: "1" }),
    ...(dead && { ended: Math.round(dead.at).toFixed(0), "a:1": dead.log }),
  };
  return Object.entries(fields).flat();
}

/** The destination whose circuit counts, where the address does not begin with it as it is. */
function placeField(url: string): { readonly place?: string } {
  const place = originOf(url);
  return /^[a-z]+:\/\/[^/?#]+/i.exec(url)?.[0] === place ? {} : { place };
}
