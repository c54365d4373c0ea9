import type { BeginCommand, LeaseDeliveryAnswer } from "../../../ports/commands/delivery.ts";
import {
  DUE_GRACE,
  EARLY_TOLERANCE,
  HOLD_LIMIT,
  LEASE_GRACE,
  PENDING_MARGIN,
  VERIFICATION_LOOK,
  VERIFICATION_WAIT,
} from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { readDeliveryFields } from "../fields.ts";
import { deliveryMember, keysOf } from "../keys.ts";
import { configOf } from "../projects/config.ts";
import { fieldsOf, named, script } from "../script.ts";
import { keepTasks, surelyKept } from "../tasks/keep.ts";
import { CIRCUIT } from "./circuit.ts";

/**
 * Leases a delivery attempt: the next one, or one whose lease lapsed without a record; held back where a circuit is open.
 * The circuit is that of the destination that the last attempt went to. When the endpoint has moved, the caller sends the
 * same once more with the `place` of now, and that circuit decides: the lease is kept, or given back.
 */
export const LEASE_DELIVERY = script(
  "leaseDelivery",
  `
-- KEYS
--   due            due set of the partition
--   delivery       hash of the delivery
--   config         configuration of the project
--   project        hash of the project
-- ARGV
--   offset         ms added to Redis's clock
--   lease          name of the lease, of this attempt alone
--   attempt        number of the attempt
--   length         ms that the lease holds
--   member         the delivery's member of the due set
--   place          destination of the endpoint now; empty: that of the last attempt
-- RETURNS
--   begun, <now>, <config>, <delivery>, <place>
--                           the lease is the caller's; \`<version> <JSON>\`; fields and values; the destination
--   held, <wait>, <endpoint>, <rate>, <config>, <place>
--                           the circuit is open: ms until the next look
--   gone                    there is no such delivery
--   closed                  it has ended
--   busy, <wait>            another lease holds: ms until it lapses
--   early, <wait>           ms until the attempt may start
--   stale                   another attempt is the next one
${CIRCUIT}
local dueKey, deliveryKey, configKey, projectKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local args = named(ARGV)
local lease, attempt, place = args.lease, number(args.attempt), args.place
local now = clock(args.offset)
local till = now + args.length
local delivery, flat = hash(deliveryKey)
if not delivery.status then return {'gone'} end
local mine = delivery.status == 'pending' and delivery.lease == lease
local function destination() return string.sub(placeOf(delivery), 3) end
local function begun() return {'begun', integer(now), redis.call('GET', configKey) or '', flat, destination()} end
if mine and (place == '' or place == delivery.place) then return begun() end
if delivery.status ~= 'pending' then return {'closed'} end
local changes = {'attempt', integer(attempt), 'lease', lease, 'until', integer(till), 'sweep', ''}
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
local moved = place ~= ''
if moved then
  delivery.place = place
  change('place', place)
end
local fresh, probe = true, nil
if mine then
  fresh = number(delivery.crashes) == 0
else
  local lapsesIn = number(delivery['until']) - now
  if lapsesIn > 0 then return {'busy', integer(lapsesIn)} end
  if delivery.lease and delivery.lease ~= '' then
    if attempt ~= number(delivery.attempt) then return {'stale'} end
    fresh = false
    change('crashes', integer(number(delivery.crashes) + 1))
  else
    if attempt ~= number(delivery.attempt) + 1 then return {'stale'} end
    -- A delivery that the circuit of its earlier address postponed is not early.
    if number(delivery.next) > now + ${EARLY_TOLERANCE} and not (moved and number(delivery.held) > 0) then
      return {'early', integer(number(delivery.next) - now)}
    end
    change('crashes', '0')
  end
end
if fresh then
  local circuit = circuitOf(redis.call('HGET', projectKey, placeOf(delivery)), now)
  if circuit then change('watch', '1') end
  if circuit and circuit.trips > 0 then
    local since = number(delivery.held) > 0 and number(delivery.held) or now
    local wait = math.min(circuit.open, since + ${HOLD_LIMIT}) - now
    if wait > 0 then
      redis.call('ZADD', dueKey, integer(now + wait + ${DUE_GRACE}), args.member)
      local back = {
        'next', integer(now + wait), 'held', integer(since), 'sweep', '', 'attempt', integer(attempt - 1), 'lease', '',
        'until', '0'
      }
      if moved then back[#back + 1] = 'place' back[#back + 1] = place end
      redis.call('HSET', deliveryKey, unpack(back))
      local config = redis.call('GET', configKey) or ''
      return {'held', integer(wait), delivery.endpoint or '', delivery.rate or '', config, destination()}
    end
    if circuit.open <= now then probe = probeBy(circuit, lease, till) end
  end
  change('held', '')
end
redis.call('ZADD', dueKey, integer(till + ${LEASE_GRACE}), args.member)
redis.call('HSET', deliveryKey, unpack(changes))
if probe then redis.call('HSET', projectKey, placeOf(delivery), probe) end
for _, word in ipairs(changes) do flat[#flat + 1] = word end
return begun()
`,
);

/** Gives a leased attempt back that waits for its endpoint's verification: it uses up no attempt. Not for longer than a day. */
export const PUT_OFF = script(
  "putOff",
  `
-- KEYS
--   due            due set of the partition
--   delivery       hash of the delivery
-- ARGV
--   offset         ms added to Redis's clock
--   lease          name of the lease
--   attempt        number of the attempt
--   member         the delivery's member of the due set
--   sure           ms for which every task with deliveries is kept after its end
-- RETURNS
--   put-off, <wait>         put off before: ms until the next look
--   put-off, <wait>, <task>, <until>
--                           put off now; its task, when that must be kept longer than tasks are, and until when
--   stale                   the lease is no longer the caller's
--   over                    it has waited long enough
local dueKey, deliveryKey = KEYS[1], KEYS[2]
local args = named(ARGV)
local now = clock(args.offset)
local delivery = hash(deliveryKey)
if delivery.putoff == args.lease then return {'put-off', integer(math.max(0, number(delivery.next) - now))} end
local isHolder = delivery.lease == args.lease and delivery.attempt == args.attempt
if delivery.status ~= 'pending' or not isHolder then return {'stale'} end
local since = number(delivery.waits) > 0 and number(delivery.waits) or now
if now - since >= ${VERIFICATION_WAIT} then return {'over'} end
local wait = math.min(math.max(now - since, ${VERIFICATION_LOOK}), ${HOLD_LIMIT})
redis.call('ZADD', dueKey, integer(now + wait + ${DUE_GRACE}), args.member)
redis.call('HSET', deliveryKey, 'attempt', integer(number(args.attempt) - 1), 'lease', '', 'until', '0',
  'next', integer(now + wait), 'waits', integer(since), 'putoff', args.lease, 'crashes', '0', 'sweep', '')
local till = now + wait + ${PENDING_MARGIN}
local isSure = till <= number(delivery.created) + args.sure
return {'put-off', integer(wait), not isSure and delivery.task or '', integer(till)}
`,
);

export async function leaseDelivery(context: Context, command: BeginCommand): Promise<LeaseDeliveryAnswer> {
  const { project, delivery, place = "" } = command;
  const names = keysOf(project);
  const [code, ...rest] = await context.worker(
    LEASE_DELIVERY,
    [names.due, names.delivery(delivery), names.config, names.project],
    named({
      offset: context.offset,
      lease: command.lease,
      attempt: command.attempt,
      length: command.length,
      member: deliveryMember(project, delivery),
      place,
    }),
  );
  switch (code) {
    case "gone":
    case "closed":
    case "stale":
      return { kind: code };
    case "busy":
    case "early":
      return { kind: code, retryAfter: Number(rest[0]) };
    case "held":
      return {
        kind: code,
        delay: Number(rest[0]),
        ...(rest[1] && { endpointId: String(rest[1]) }),
        ...(rest[2] && { rateLimit: Number(rest[2]) }),
        config: configOf(rest[3]),
        place: String(rest[4]),
      };
    case "begun": {
      const record = await readDeliveryFields(context, project, delivery, fieldsOf(rest[2]));
      if (!record) throw new Error("leaseDelivery answered without a delivery");
      return { kind: code, now: Number(rest[0]), config: configOf(rest[1]), record, place: String(rest[3]) };
    }
    default:
      throw new Error(`leaseDelivery answered "${code}"`);
  }
}

/** Milliseconds until it is looked at again; undefined when it has waited long enough, or is no longer the caller's. */
export async function putOff(
  context: Context,
  { project, delivery, lease, attempt }: Omit<BeginCommand, "length" | "place">,
): Promise<number | undefined> {
  const names = keysOf(project);
  const [code, wait, task, until] = await context.worker(
    PUT_OFF,
    [names.due, names.delivery(delivery)],
    named({
      offset: context.offset,
      lease,
      attempt,
      member: deliveryMember(project, delivery),
      sure: surelyKept(context),
    }),
  );
  if (task) await keepTasks(context, project, new Map([[String(task), Number(until)]]));
  return code === "put-off" ? Number(wait) : undefined;
}
