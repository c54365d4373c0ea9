import {
  DELIVERY_RETENTION,
  DUE_GRACE,
  EARLY_TOLERANCE,
  FAILURE_PAUSE,
  HOLD_LIMIT,
  INDEX_RETENTION,
  LEASE_GRACE,
  PUBLISH_HORIZON,
} from "../domain/limits.ts";
import type { BeginAnswer, RecordAnswer, RecordCommand } from "../flow/delivery-commands.ts";
import { CIRCUIT, FAILED } from "./circuit.ts";
import { configOf } from "./config.ts";
import type { Context } from "./context.ts";
import { readDeliveryFields } from "./fields.ts";
import { dayOf, deliveryMember, keysOf } from "./keys.ts";
import { OPENING, openingWords } from "./opening.ts";
import { fieldsOf, named, script } from "./script.ts";

/** Leases a delivery attempt: the next one, or one whose lease lapsed without a record; held back where a circuit is open. */
export const BEGIN = script(
  "begin",
  `${CIRCUIT}
local due, delivery, cfg, proj = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local offset, lease, attempt, length, member = ARGV[1], ARGV[2], num(ARGV[3]), ARGV[4], ARGV[5]
local t = now(offset)
local d, flat = hash(delivery)
if not d.status then return {'gone'} end
if d.status == 'pending' and d.lease == lease then return {'begun', ms(t), redis.call('GET', cfg) or '', flat} end
if d.status ~= 'pending' then return {'closed'} end
local changes = {'attempt', ms(attempt), 'lease', lease, 'until', ms(t + length), 'sweep', ''}
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
local place, probe = placeOf(d.url), nil
if num(d['until']) > t then return {'busy', ms(num(d['until']) - t)} end
if d.lease and d.lease ~= '' then
  if attempt ~= num(d.attempt) then return {'stale'} end
  change('crashes', ms(num(d.crashes) + 1))
else
  if attempt ~= num(d.attempt) + 1 then return {'stale'} end
  if num(d.next) > t + ${EARLY_TOLERANCE} then return {'early', ms(num(d.next) - t)} end
  change('crashes', '0') change('held', '')
  local c = circuitOf(redis.call('HGET', proj, place), t)
  if c then change('watch', '1') end
  if c and c.trips > 0 then
    local since = num(d.held) > 0 and num(d.held) or t
    local wait = math.min(c.open, since + ${HOLD_LIMIT}) - t
    if wait > 0 then
      redis.call('ZADD', due, ms(t + wait + ${DUE_GRACE}), member)
      redis.call('HSET', delivery, 'next', ms(t + wait), 'held', ms(since), 'sweep', '')
      return {'held', ms(wait), d.endpoint or '', d.rate or ''}
    end
    if c.open <= t then probe = probeBy(c, lease, t + length) end
  end
end
redis.call('ZADD', due, ms(t + length + ${LEASE_GRACE}), member)
redis.call('HSET', delivery, unpack(changes))
if probe then redis.call('HSET', proj, place, probe) end
for _, word in ipairs(changes) do flat[#flat + 1] = word end
return {'begun', ms(t), redis.call('GET', cfg) or '', flat}
`,
);

/**
 * Records an attempt: delivered, to be tried again, or dead; what its destination's circuit and its endpoint's health
 * learn of it; and opens what tells of a dead one.
 */
export const RECORD = script(
  "record",
  `${OPENING}${FAILED}
local due, delivery, proj = KEYS[1], KEYS[2], KEYS[3]
local a, at = named(ARGV) -- offset nonce lease attempt outcome log at delay member id circuit health failing dead count
local d = hash(delivery)
if not d.status then return {'gone'} end
if d.nonce == a.nonce then return {'recorded', d.status == 'pending' and d.next or ''} end
if d.status ~= 'pending' or d.lease ~= a.lease or d.attempt ~= a.attempt then return {'stale'} end
local changes = {'a:' .. a.attempt, a.log, 'lease', '', 'until', '0', 'crashes', '0', 'sweep', '', 'nonce', a.nonce}
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
local health, dead, nextAt, first = KEYS[num(a.health)], KEYS[num(a.dead)], '', ''
local t = (a.outcome ~= 'delivered' or num(a.count) > 0) and now(a.offset)
if a.outcome == 'retry' then
  nextAt = ms(t + a.delay)
  local look = num(a.delay) > ${PUBLISH_HORIZON} and t + a.delay - ${PUBLISH_HORIZON} or t + a.delay + ${DUE_GRACE}
  redis.call('ZADD', due, ms(look), a.member)
  change('next', nextAt)
else
  if num(a.count) > 0 then open(due, t, ms(t), ARGV, at, num(a.count)) end
  if dead and d.once ~= '1' then
    redis.call('ZADD', dead, a.at, d.endpoint and a.id .. '|' .. d.endpoint or a.id)
    redis.call('PEXPIRE', dead, '${INDEX_RETENTION}')
  end
  change('status', a.outcome) change('ended', a.at)
end
if a.circuit == 'failed' then
  circuitFailed(proj, placeOf(d.url), a.lease, t)
  change('watch', '1')
elseif a.circuit == 'alive' and d.watch == '1' then
  redis.call('HDEL', proj, placeOf(d.url))
end
if health and a.outcome == 'delivered' then redis.call('DEL', health)
elseif health and a.failing == '1' then
  local before = hash(health)
  local goes = before.first and t - num(before.last) <= ${FAILURE_PAUSE}
  first = goes and before.first or ms(t)
  redis.call('HSET', health, 'first', first, 'last', ms(t), 'failures', ms((goes and num(before.failures) or 0) + 1))
  redis.call('PEXPIRE', health, '${DELIVERY_RETENTION}')
end
redis.call('HSET', delivery, unpack(changes))
if a.outcome ~= 'retry' then
  redis.call('ZREM', due, a.member)
  redis.call('PEXPIRE', delivery, '${DELIVERY_RETENTION}')
end
return {'recorded', nextAt, first}
`,
);

export async function begin(
  context: Context,
  command: { project: string; delivery: string; attempt: number; lease: string; length: number },
): Promise<BeginAnswer> {
  const { project, delivery } = command;
  const names = keysOf(project);
  const [code, ...rest] = await context.worker(
    BEGIN,
    [names.due, names.delivery(delivery), names.config, names.project],
    [context.offset, command.lease, command.attempt, command.length, deliveryMember(project, delivery)],
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
      };
    case "begun": {
      const record = readDeliveryFields(project, delivery, fieldsOf(rest[2]));
      if (!record) throw new Error("begin answered without a delivery");
      return { kind: code, now: Number(rest[0]), config: configOf(rest[1]), record };
    }
    default:
      throw new Error(`begin answered "${code}"`);
  }
}

export async function record(context: Context, command: RecordCommand): Promise<RecordAnswer> {
  const { project, delivery, outcome, endpointId, verdict, deliveries } = command;
  const names = keysOf(project);
  const keys = [names.due, names.delivery(delivery), names.project];
  const places = {
    health: endpointId === undefined ? 0 : keys.push(names.health(endpointId)),
    dead: outcome.kind === "dead" ? keys.push(names.dead(dayOf(command.at))) : 0,
  };
  const { words } = openingWords(keys, project, deliveries);
  const [code, next, failingSince] = await context.worker(RECORD, keys, [
    ...named({
      offset: context.offset,
      nonce: command.nonce,
      lease: command.lease,
      attempt: command.attempt,
      outcome: outcome.kind,
      log: command.log,
      at: command.at.toFixed(0),
      delay: outcome.kind === "retry" ? outcome.delay : 0,
      member: deliveryMember(project, delivery),
      id: delivery,
      circuit: verdict.circuit ?? "",
      failing: verdict.failing ? "1" : "",
      ...places,
      count: deliveries.length,
    }),
    ...words,
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
