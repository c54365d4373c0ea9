import type { NewDelivery } from "../../../ports/commands/delivery.ts";
import { BODY_MARGIN, DUE_GRACE, LEASE_GRACE } from "../../../shared/limits.ts";
import { originOf } from "../../../shared/origin.ts";
import type { Context } from "../context.ts";
import { deliveryMember, keysOf } from "../keys.ts";
import type { StoredPayload } from "../payloads.ts";
import type { ScriptReply } from "../script.ts";
import { CIRCUIT } from "./circuit.ts";
import { addDeadLetterKeys, FILING } from "./filing.ts";

/**
 * Opens deliveries: their due entries first, then what they share, then their hashes. Words per delivery: the key's
 * number, the due member, the lease's length (0: nobody sends yet), the numbers of the keys of the dead letters (0: it is
 * alive) and of their day (0: it is not written), how many fields follow, the fields. After the last one: how many bodies
 * follow, each with its key's number; then for how many ms ended deliveries are kept.
 * Its caller runs it in `together`: when a command fails, what it wrote is taken back.
 *
 * With the project's fields it heeds the circuits of the destinations: a first attempt is held back where one is open,
 * or becomes its probe. Answers which are held and for how long (`<id>:<ms>,…`), and the circuits to be written.
 */
export const OPENING = `${CIRCUIT}${FILING}
-- The names of the circuits that \`open\` has to know: fields of the project's hash.
local function placesOf(words, position, count, names)
  for _ = 1, count do
    local size, own = number(words[position + 5]), {}
    for i = position + 6, position + 5 + size, 2 do own[words[i]] = words[i + 1] end
    names[#names + 1] = placeOf(own)
    position = position + 6 + size
  end
  return names
end
local function open(dueKey, projectKey, now, created, words, position, count, project)
  local dues, hashes, letters, held, circuits, kept = {}, {}, {}, {}, {}, words[#words]
  for _ = 1, count do
    local deliveryKey, member = KEYS[number(words[position])], words[position + 1]
    local lease, size = number(words[position + 2]), number(words[position + 5])
    local deadLettersKey, dayKey = KEYS[number(words[position + 3])], KEYS[number(words[position + 4])]
    local own, fields, wait = {}, {'created', created}, 0
    for i = position + 6, position + 5 + size, 2 do
      own[words[i]] = words[i + 1]
      fields[#fields + 1] = words[i]
      fields[#fields + 1] = words[i + 1]
    end
    local id, place = string.match(member, '[^|]+$'), placeOf(own)
    local circuit = project and not deadLettersKey and circuitOf(project[place], now)
    local function field(name, value) fields[#fields + 1] = name; fields[#fields + 1] = value end
    if circuit then field('watch', '1') end
    if circuit and circuit.trips > 0 and lease > 0 then
      if circuit.open > now then wait = circuit.open - now
      else
        project[place] = probeBy(circuit, own.lease, now + lease)
        circuits[#circuits + 1] = place
        circuits[#circuits + 1] = project[place]
      end
    end
    if wait > 0 then
      lease = 0
      held[#held + 1] = id .. ':' .. integer(wait)
      field('attempt', '0') field('lease', '') field('held', integer(now))
    end
    field('next', integer(now + wait)) field('until', integer(lease > 0 and now + lease or 0))
    if deadLettersKey then
      letters[#letters + 1] = {deadLettersKey, dayKey or false, own.ended, id, kept, own.endpoint}
    else
      dues[#dues + 1] = integer(lease > 0 and now + lease + ${LEASE_GRACE} or now + wait + ${DUE_GRACE})
      dues[#dues + 1] = member
      undone('ZREM', dueKey, member)
    end
    hashes[#hashes + 1] = {key = deliveryKey, fields = fields, expires = deadLettersKey}
    position = position + 6 + size
  end
  if #dues > 0 then redis.call('ZADD', dueKey, unpack(dues)) end
  for i = position + 1, position + 2 * number(words[position]), 2 do
    redis.call('SET', KEYS[number(words[i])], words[i + 1], 'PX', integer(number(kept) + ${BODY_MARGIN}))
  end
  for _, made in ipairs(hashes) do
    undone('DEL', made.key)
    if made.expires then keep(made.key, kept, made.fields)
    else redis.call('HSET', made.key, unpack(made.fields)) end
  end
  for _, letter in ipairs(letters) do fileDead(unpack(letter)) end
  if #letters > 0 then countDead(projectKey, #letters) end
  return table.concat(held, ','), circuits
end
`;

/** The words for `open`, whose keys are added to `keys`; and the names of the bodies that are kept apart. */
export async function openingArgs(
  context: Pick<Context, "filesByDay" | "payloads" | "retention">,
  keys: string[],
  project: string,
  deliveries: readonly NewDelivery[],
): Promise<{ readonly args: readonly (string | number)[]; readonly bodies: readonly string[] }> {
  const names = keysOf(project);
  const apart = new Map<string, StoredPayload>();
  const sealed = await sealedBodies(context, project, deliveries);
  const args = deliveries.flatMap((delivery) => {
    const { id, dead } = delivery;
    const body = sealed.get(delivery.body);
    if (body === undefined) throw new Error(`The body of delivery ${id} was not sealed.`);
    const fields = fieldsOfNew(delivery, body);
    const key = keys.push(names.delivery(id));
    if (delivery.shared) apart.set(`${delivery.eventId}:${delivery.format}`, body);
    const filed = dead
      ? addDeadLetterKeys(context, keys, project, delivery.endpointId, Math.round(dead.at))
      : { deadLetters: 0, day: 0 };
    const place = [
      key,
      deliveryMember(project, id),
      delivery.lease?.length ?? 0,
      filed.deadLetters,
      filed.day,
    ];
    return [...place, fields.length, ...fields];
  });
  const kept = [...apart].map(([name, body]) => [keys.push(names.sharedBody(name)), body] as const);
  return {
    args: [...args, kept.length, ...kept.flat(), context.retention.delivery],
    bodies: [...apart.keys()],
  };
}

/** Milliseconds for which `open` holds back each delivery. */
export function heldOf(text: ScriptReply | undefined): ReadonlyMap<string, number> {
  const held = String(text ?? "")
    .split(",")
    .filter(Boolean);
  return new Map(held.map((one) => [one.split(":")[0] ?? "", Number(one.split(":")[1])]));
}

/** The bodies as they are stored. Deliveries that share a body share its stored text, which is kept once. */
async function sealedBodies(
  { payloads }: Pick<Context, "payloads">,
  project: string,
  deliveries: readonly NewDelivery[],
): Promise<ReadonlyMap<string, StoredPayload>> {
  const bodies = [...new Set(deliveries.map(({ body }) => body))];
  return new Map(
    await Promise.all(bodies.map(async (body) => [body, await payloads.seal(body, project)] as const)),
  );
}

function fieldsOfNew(delivery: NewDelivery, body: StoredPayload): readonly string[] {
  const { lease, dead } = delivery;
  const fields: Record<string, string> = {
    status: dead ? "dead" : "pending",
    task: delivery.taskId,
    ...(delivery.batchId && { batch: delivery.batchId }),
    event: delivery.eventId,
    type: delivery.eventType,
    url: delivery.url,
    ...placeField(delivery.url),
    attempt: lease || dead ? "1" : "0",
    lease: lease?.id ?? "",
    ...(!delivery.shared && { body }),
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
