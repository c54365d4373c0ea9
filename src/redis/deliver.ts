import {
  BODY_RETENTION,
  DELIVERY_RETENTION,
  DUE_GRACE,
  EARLY_TOLERANCE,
  FAILURE_PAUSE,
  HOLD_LIMIT,
  IDEMPOTENCY_TTL,
  INDEX_RETENTION,
  LEASE_GRACE,
  PUBLISH_HORIZON,
} from "../domain/limits.ts";
import type {
  BeginAnswer,
  LettersAnswer,
  LettersQuery,
  RecordAnswer,
  RecordCommand,
  RedeliverAnswer,
  RedeliverCommand,
} from "../flow/delivery-commands.ts";
import { CIRCUIT, FAILED } from "./circuit.ts";
import { configOf } from "./config.ts";
import type { Context } from "./context.ts";
import { readDeliveryFields } from "./fields.ts";
import { dayOf, deliveryMember, keysOf, letterOf } from "./keys.ts";
import { OPENING, openingWords } from "./opening.ts";
import { fieldsOf, named, type Runner, type ScriptReply, script } from "./script.ts";

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

/** Sends an ended delivery again: the same event, its schedule from the start. Who asks for it at once says that the receiver is mended. */
export const REDELIVER = script(
  "redeliver",
  `${CIRCUIT}
local due, delivery, dead, proj = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local a = named(ARGV) -- offset nonce key secret scope member letter ended print note delay idem body
local idem, body = KEYS[num(a.idem)], KEYS[num(a.body)]
local t = now(a.offset)
local no = denied(redis.call('HGET', proj, 'k:' .. a.key), a.secret, a.scope, t)
if no then return {no} end
local d, flat = hash(delivery)
if not d.status then return {'missing', ms(t)} end
if d.again == a.nonce then return {'found', ms(t), flat} end
local known = idem and redis.call('GET', idem)
if known then return {string.match(known, '^%S+') == a.print and 'repeated' or 'reused', ms(t), flat} end
if d.status == 'pending' then return {'pending'} end
if d.ended ~= a.ended then return {'changed', ms(t), flat} end
redis.call('ZADD', due, ms(t + a.delay + ${DUE_GRACE}), a.member)
redis.call('PERSIST', delivery)
if body then redis.call('PEXPIRE', body, '${BODY_RETENTION}') end
redis.call('ZREM', dead, a.letter)
if idem then redis.call('SET', idem, a.print .. ' ' .. a.note, 'PX', '${IDEMPOTENCY_TTL}') end
if a.delay == '0' then redis.call('HDEL', proj, placeOf(d.url)) end
redis.call('HDEL', delivery, 'ended')
redis.call('HSET', delivery, 'status', 'pending', 'base', d.attempt, 'next', ms(t + a.delay), 'lease', '', 'until', '0',
  'crashes', '0', 'sweep', '', 'held', '', 'again', a.nonce)
local _, changed = hash(delivery)
return {'found', ms(t), changed}
`,
);

/** The dead letters of an endpoint in a span of time, oldest first: how many there are, and the first of them. */
export const LETTERS = script(
  "letters",
  `
local proj = KEYS[1]
local a = named(ARGV) -- offset key secret since till suffix most
local no = denied(redis.call('HGET', proj, 'k:' .. a.key), a.secret, 'endpoints:write', now(a.offset))
if no then return {no} end
local found, count = {}, 0
for i = 2, #KEYS do
  local skip = 0
  while true do
    local rows = redis.call('ZRANGEBYSCORE', KEYS[i], a.since, a.till, 'LIMIT', ms(skip), '1000')
    for _, row in ipairs(rows) do
      if string.sub(row, -#a.suffix) == a.suffix then
        count = count + 1
        if count <= num(a.most) then found[count] = string.sub(row, 1, -#a.suffix - 1) end
      end
    end
    if #rows < 1000 then break end
    skip = skip + 1000
  end
end
return {'found', ms(count), found}
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

export async function redeliver(context: Context, command: RedeliverCommand): Promise<RedeliverAnswer> {
  return redelivered(command, await context.adding(...redeliverCall(context, command)));
}

/** Sends many again in one request. */
export async function redeliverAll(
  context: Context,
  commands: readonly RedeliverCommand[],
): Promise<readonly RedeliverAnswer[]> {
  const replies = await context.many(commands.map((command) => redeliverCall(context, command)));
  return commands.map((command, index) => redelivered(command, replies[index] ?? []));
}

function redeliverCall(context: Context, command: RedeliverCommand): Parameters<Runner> {
  const { caller, delivery, idempotency, endpointId } = command;
  const names = keysOf(caller.project);
  const keys = [names.due, names.delivery(delivery), names.dead(dayOf(command.endedAt)), names.project];
  const words = named({
    offset: context.offset,
    nonce: command.nonce,
    key: caller.key,
    secret: caller.hash,
    scope: command.scope,
    member: deliveryMember(caller.project, delivery),
    letter: letterOf(delivery, endpointId),
    ended: command.endedAt.toFixed(0),
    print: idempotency?.fingerprint ?? "",
    note: command.note ?? delivery,
    delay: command.delay,
    idem: idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0,
    body: command.sharedBody ? keys.push(names.sharedBody(command.sharedBody)) : 0,
  });
  return [REDELIVER, keys, words];
}

function redelivered(
  { caller, delivery }: RedeliverCommand,
  [code, now, flat]: readonly ScriptReply[],
): RedeliverAnswer {
  switch (code) {
    case "unauthenticated":
    case "forbidden":
    case "pending":
    case "reused":
      return { kind: code };
    case "missing":
      return { kind: code, now: Number(now) };
    case "found":
    case "changed":
    case "repeated": {
      const found = readDeliveryFields(caller.project, delivery, fieldsOf(flat));
      if (!found) throw new Error("redeliver answered without a delivery");
      return { kind: code, now: Number(now), record: found };
    }
    default:
      throw new Error(`redeliver answered "${code}"`);
  }
}

export async function letters(context: Context, query: LettersQuery): Promise<LettersAnswer> {
  const { caller, since, until } = query;
  const names = keysOf(caller.project);
  const first = dayOf(since);
  const days = Array.from({ length: dayOf(until) - first + 1 }, (_, index) => names.dead(first + index));
  const [code, count, ids] = await context.quick(
    LETTERS,
    [names.project, ...days],
    named({
      offset: context.offset,
      key: caller.key,
      secret: caller.hash,
      since: since.toFixed(0),
      till: until.toFixed(0),
      suffix: `|${query.endpointId}`,
      most: query.most,
    }),
  );
  if (code === "unauthenticated" || code === "forbidden") return { kind: code };
  return { kind: "found", count: Number(count), ids: Array.isArray(ids) ? ids.map(String) : [] };
}
