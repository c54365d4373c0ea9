import type {
  BeginCommand,
  LeaseDeliveryAnswer,
  RecordAnswer,
  RecordCommand,
} from "../../../ports/delivery-commands.ts";
import { fault } from "../../../shared/fault-point.ts";
import {
  ATTEMPTS_KEPT,
  DELIVERY_RETENTION,
  DUE_GRACE,
  EARLY_TOLERANCE,
  FAILURE_PAUSE,
  HOLD_LIMIT,
  LEASE_GRACE,
  PUBLISH_HORIZON,
  VERIFICATION_LOOK,
  VERIFICATION_WAIT,
} from "../../../shared/limits.ts";
import { originOf } from "../../../shared/origin.ts";
import type { Context } from "../context.ts";
import { readDeliveryFields } from "../fields.ts";
import { deliveryMember, keysOf } from "../keys.ts";
import { configOf } from "../projects/config.ts";
import { fieldsOf, named, script } from "../script.ts";
import { CIRCUIT, FAILED } from "./circuit.ts";
import { addDeadLetterKeys } from "./filing.ts";
import { OPENING, openingArgs } from "./opening.ts";

/**
 * Leases a delivery attempt: the next one, or one whose lease lapsed without a record; held back where a circuit is open.
 * The circuit is that of the destination that the last attempt went to. When the endpoint has moved, the caller sends the
 * same once more with the `place` of now, and that circuit decides: the lease is kept, or given back.
 */
export const LEASE_DELIVERY = script(
  "leaseDelivery",
  `${CIRCUIT}
local due, delivery, cfg, proj = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local offset, lease, attempt, length, member, place = ARGV[1], ARGV[2], num(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local t = now(offset)
local d, flat = hash(delivery)
if not d.status then return {'gone'} end
local mine = d.status == 'pending' and d.lease == lease
local function begun()
  return {'begun', ms(t), redis.call('GET', cfg) or '', flat, string.sub(placeOf(d), 3)}
end
if mine and (place == '' or place == d.place) then return begun() end
if d.status ~= 'pending' then return {'closed'} end
local changes = {'attempt', ms(attempt), 'lease', lease, 'until', ms(t + length), 'sweep', ''}
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
local moved = place ~= ''
if moved then
  d.place = place
  change('place', place)
end
local fresh, probe = true, nil
if mine then
  fresh = num(d.crashes) == 0
else
  if num(d['until']) > t then return {'busy', ms(num(d['until']) - t)} end
  if d.lease and d.lease ~= '' then
    if attempt ~= num(d.attempt) then return {'stale'} end
    fresh = false
    change('crashes', ms(num(d.crashes) + 1))
  else
    if attempt ~= num(d.attempt) + 1 then return {'stale'} end
    -- What the circuit of an address before put off is not early.
    if num(d.next) > t + ${EARLY_TOLERANCE} and not (moved and num(d.held) > 0) then
      return {'early', ms(num(d.next) - t)}
    end
    change('crashes', '0')
  end
end
if fresh then
  local c = circuitOf(redis.call('HGET', proj, placeOf(d)), t)
  if c then change('watch', '1') end
  if c and c.trips > 0 then
    local since = num(d.held) > 0 and num(d.held) or t
    local wait = math.min(c.open, since + ${HOLD_LIMIT}) - t
    if wait > 0 then
      redis.call('ZADD', due, ms(t + wait + ${DUE_GRACE}), member)
      local back = {'next', ms(t + wait), 'held', ms(since), 'sweep', '', 'attempt', ms(attempt - 1), 'lease', '', 'until', '0'}
      if moved then back[#back + 1] = 'place' back[#back + 1] = place end
      redis.call('HSET', delivery, unpack(back))
      return {'held', ms(wait), d.endpoint or '', d.rate or '', redis.call('GET', cfg) or '', string.sub(placeOf(d), 3)}
    end
    if c.open <= t then probe = probeBy(c, lease, t + length) end
  end
  change('held', '')
end
redis.call('ZADD', due, ms(t + length + ${LEASE_GRACE}), member)
redis.call('HSET', delivery, unpack(changes))
if probe then redis.call('HSET', proj, placeOf(d), probe) end
for _, word in ipairs(changes) do flat[#flat + 1] = word end
return begun()
`,
);

/** Gives a leased attempt back that waits for its endpoint's verification: it uses up no attempt. Not for longer than a day. */
export const PUT_OFF = script(
  "putOff",
  `
local due, delivery = KEYS[1], KEYS[2]
local offset, lease, attempt, member = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local t = now(offset)
local d = hash(delivery)
if d.putoff == lease then return {'put-off', ms(math.max(0, num(d.next) - t))} end
if d.status ~= 'pending' or d.lease ~= lease or d.attempt ~= attempt then return {'stale'} end
local since = num(d.waits) > 0 and num(d.waits) or t
if t - since >= ${VERIFICATION_WAIT} then return {'over'} end
local wait = math.min(math.max(t - since, ${VERIFICATION_LOOK}), ${HOLD_LIMIT})
redis.call('ZADD', due, ms(t + wait + ${DUE_GRACE}), member)
redis.call('HSET', delivery, 'attempt', ms(num(attempt) - 1), 'lease', '', 'until', '0', 'next', ms(t + wait),
  'waits', ms(since), 'putoff', lease, 'crashes', '0', 'sweep', '')
return {'put-off', ms(wait)}
`,
);

/**
 * Records an attempt: delivered, to be tried again, or dead; what its destination's circuit and its endpoint's health
 * learn of it; and opens what tells of a dead one.
 */
export const RECORD = script(
  "record",
  `${OPENING}${FAILED}
local due, delivery, proj, circuits = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local a, at = named(ARGV) -- offset nonce lease attempt outcome log at delay member id endpoint circuit health failing dead day count url place
local d = some(delivery, {'status', 'nonce', 'lease', 'attempt', 'next', 'once', 'url', 'place', 'watch', 'waits'})
local health, dead, nextAt, first = KEYS[num(a.health)], KEYS[num(a.dead)], '', ''
local function fileThis()
  if dead and d.once ~= '1' then fileDead(dead, KEYS[num(a.day)], a.at, a.id, a.endpoint) end
end
if not d.status then return {'gone'} end
if d.nonce == a.nonce then
  if d.status == 'dead' then fileThis() end
  return {'recorded', d.status == 'pending' and d.next or ''}
end
if d.status ~= 'pending' or d.lease ~= a.lease or d.attempt ~= a.attempt then return {'stale'} end
local changes = {'a:' .. a.attempt, a.log, 'lease', '', 'until', '0', 'crashes', '0', 'sweep', '', 'nonce', a.nonce}
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
if d.waits then change('waits', '') end
-- Where the attempt really went: its endpoint may have moved.
if a.url ~= '' then
  if a.url ~= d.url then change('url', a.url) end
  if a.url ~= d.url or d.place then change('place', a.place) end
  d.place = a.place
end
local t = (a.outcome ~= 'delivered' or num(a.count) > 0) and now(a.offset)
if a.circuit == 'failed' then change('watch', '1') end
together(function()
  if a.outcome == 'retry' then
    nextAt = ms(t + a.delay)
    local look = num(a.delay) > ${PUBLISH_HORIZON} and t + a.delay - ${PUBLISH_HORIZON} or t + a.delay + ${DUE_GRACE}
    undone('ZADD', due, ms(t), a.member)
    redis.call('ZADD', due, ms(look), a.member)
    if ${fault("gives-up-in-script")} then redis.call('ZREM', due, a.member) end
    change('next', nextAt)
  else
    if num(a.count) > 0 then open(due, t, ms(t), ARGV, at, num(a.count)) end
    change('status', a.outcome) change('ended', a.at)
    undone('PERSIST', delivery)
    redis.call('PEXPIRE', delivery, '${DELIVERY_RETENTION}')
  end
  redis.call('HSET', delivery, unpack(changes))
end)
-- Of an attempt that was recorded nothing is lost when one of these fails: they are repeated, lapse, or are looked over.
fileThis()
if a.outcome ~= 'retry' then redis.call('ZREM', due, a.member) end
if num(a.attempt) > ${ATTEMPTS_KEPT} then redis.call('HDEL', delivery, 'a:' .. ms(a.attempt - ${ATTEMPTS_KEPT})) end
if a.circuit == 'failed' then circuitFailed(proj, circuits, placeOf(d), a.lease, t)
elseif a.circuit == 'alive' and d.watch == '1' then circuitClosed(proj, circuits, placeOf(d)) end
if health and a.outcome == 'delivered' then redis.call('DEL', health)
elseif health and a.failing == '1' then
  local before = some(health, {'first', 'last', 'failures'})
  local goes = before.first and t - num(before.last) <= ${FAILURE_PAUSE}
  first = goes and before.first or ms(t)
  keep(health, '${DELIVERY_RETENTION}',
    {'first', first, 'last', ms(t), 'failures', ms((goes and num(before.failures) or 0) + 1)})
end
return {'recorded', nextAt, first}
`,
);

export async function leaseDelivery(context: Context, command: BeginCommand): Promise<LeaseDeliveryAnswer> {
  const { project, delivery, place = "" } = command;
  const names = keysOf(project);
  const [code, ...rest] = await context.worker(
    LEASE_DELIVERY,
    [names.due, names.delivery(delivery), names.config, names.project],
    [
      context.offset,
      command.lease,
      command.attempt,
      command.length,
      deliveryMember(project, delivery),
      place,
    ],
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
      const record = readDeliveryFields(project, delivery, fieldsOf(rest[2]));
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
  const [code, wait] = await context.worker(
    PUT_OFF,
    [names.due, names.delivery(delivery)],
    [context.offset, lease, attempt, deliveryMember(project, delivery)],
  );
  return code === "put-off" ? Number(wait) : undefined;
}

export async function record(context: Context, command: RecordCommand): Promise<RecordAnswer> {
  const { project, delivery, outcome, endpointId, verdict, deliveries } = command;
  const names = keysOf(project);
  const keys = [names.due, names.delivery(delivery), names.project, names.circuits];
  const places = {
    health: endpointId === undefined ? 0 : keys.push(names.health(endpointId)),
    ...(outcome.kind === "dead"
      ? addDeadLetterKeys(context, keys, project, endpointId, Math.round(command.at))
      : { dead: 0, day: 0 }),
  };
  const { args } = openingArgs(context, keys, project, deliveries);
  const [code, next, failingSince] = await context.worker(RECORD, keys, [
    ...named({
      offset: context.offset,
      nonce: command.nonce,
      lease: command.lease,
      attempt: command.attempt,
      outcome: outcome.kind,
      log: command.log,
      at: Math.round(command.at),
      delay: outcome.kind === "retry" ? outcome.delay : 0,
      member: deliveryMember(project, delivery),
      id: delivery,
      endpoint: endpointId ?? "",
      url: command.url ?? "",
      place: command.url === undefined ? "" : originOf(command.url),
      circuit: verdict.circuit ?? "",
      failing: verdict.failing ? "1" : "",
      ...places,
      count: deliveries.length,
    }),
    ...args,
  ]);
  switch (code) {
    case "gone":
    case "stale":
      return { kind: code };
    case "recorded":
      return {
        kind: code,
        ...(next && { nextAt: Number(next) }),
        ...(failingSince && { failingSince: Number(failingSince) }),
      };
    default:
      throw new Error(`record answered "${code}"`);
  }
}
