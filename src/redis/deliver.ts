import {
  BODY_RETENTION,
  DELIVERY_RETENTION,
  DUE_GRACE,
  EARLY_TOLERANCE,
  IDEMPOTENCY_TTL,
  INDEX_RETENTION,
  LEASE_GRACE,
  PUBLISH_HORIZON,
} from "../domain/limits.ts";
import type {
  BeginAnswer,
  RecordAnswer,
  RecordCommand,
  RedeliverAnswer,
  RedeliverCommand,
} from "../flow/delivery-commands.ts";
import { configOf } from "./config.ts";
import type { Context } from "./context.ts";
import { readDeliveryFields } from "./fields.ts";
import { dayOf, deliveryMember, keysOf } from "./keys.ts";
import { fieldsOf, script } from "./script.ts";

/** Leases a delivery attempt: the next one, or one whose lease lapsed without a record. */
export const BEGIN = script(
  "begin",
  `
local due, delivery, cfg = KEYS[1], KEYS[2], KEYS[3]
local offset, lease, attempt, length, member = ARGV[1], ARGV[2], num(ARGV[3]), ARGV[4], ARGV[5]
local t = now(offset)
local d, flat = hash(delivery)
if not d.status then return {'gone'} end
if d.status == 'pending' and d.lease == lease then return {'begun', ms(t), redis.call('GET', cfg) or '', flat} end
if d.status ~= 'pending' then return {'closed'} end
local crashes = 0
if num(d['until']) > t then return {'busy', ms(num(d['until']) - t)} end
if d.lease and d.lease ~= '' then
  if attempt ~= num(d.attempt) then return {'stale'} end
  crashes = num(d.crashes) + 1
else
  if attempt ~= num(d.attempt) + 1 then return {'stale'} end
  if num(d.next) > t + ${EARLY_TOLERANCE} then return {'early', ms(num(d.next) - t)} end
end
redis.call('ZADD', due, ms(t + length + ${LEASE_GRACE}), member)
local changes = {'attempt', ms(attempt), 'lease', lease, 'until', ms(t + length), 'crashes', ms(crashes), 'sweep', ''}
redis.call('HSET', delivery, unpack(changes))
for _, word in ipairs(changes) do flat[#flat + 1] = word end
return {'begun', ms(t), redis.call('GET', cfg) or '', flat}
`,
);

/** Records an attempt: delivered, to be tried again, or dead. */
export const RECORD = script(
  "record",
  `
local due, delivery, dead = KEYS[1], KEYS[2], KEYS[3]
local offset, nonce, lease, attempt, outcome = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local log, at, delay, member, id = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local d = hash(delivery)
if not d.status then return {'gone'} end
if d.nonce == nonce then return {'recorded', d.status == 'pending' and d.next or ''} end
if d.status ~= 'pending' or d.lease ~= lease or d.attempt ~= attempt then return {'stale'} end
local changes = {'a:' .. attempt, log, 'lease', '', 'until', '0', 'crashes', '0', 'sweep', '', 'nonce', nonce}
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
if outcome == 'retry' then
  local nextAt = now(offset) + delay
  local look = num(delay) > ${PUBLISH_HORIZON} and nextAt - ${PUBLISH_HORIZON} or nextAt + ${DUE_GRACE}
  redis.call('ZADD', due, ms(look), member)
  change('next', ms(nextAt))
  redis.call('HSET', delivery, unpack(changes))
  return {'recorded', ms(nextAt)}
end
if dead and d.once ~= '1' then redis.call('ZADD', dead, at, id) redis.call('PEXPIRE', dead, '${INDEX_RETENTION}') end
change('status', outcome) change('ended', at)
redis.call('HSET', delivery, unpack(changes))
redis.call('ZREM', due, member)
redis.call('PEXPIRE', delivery, '${DELIVERY_RETENTION}')
return {'recorded', ''}
`,
);

/** Sends an ended delivery again: the same event, its schedule from the start. */
export const REDELIVER = script(
  "redeliver",
  `
local due, delivery, dead, proj = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local offset, nonce, key, secret, member, id, print = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local idem, body = KEYS[num(ARGV[8])], KEYS[num(ARGV[9])]
local t = now(offset)
local no = denied(redis.call('HGET', proj, 'k:' .. key), secret, 'tasks:write', t)
if no then return {no} end
local d, flat = hash(delivery)
if not d.status then return {'missing', ms(t)} end
if d.again == nonce then return {'found', ms(t), flat} end
local known = idem and redis.call('GET', idem)
if known then return {string.match(known, '^%S+') == print and 'repeated' or 'reused', ms(t), flat} end
if d.status == 'pending' then return {'pending'} end
redis.call('ZADD', due, ms(t + ${DUE_GRACE}), member)
redis.call('PERSIST', delivery)
if body then redis.call('PEXPIRE', body, '${BODY_RETENTION}') end
redis.call('ZREM', dead, id)
if idem then redis.call('SET', idem, print .. ' ' .. id, 'PX', '${IDEMPOTENCY_TTL}') end
redis.call('HDEL', delivery, 'ended')
redis.call('HSET', delivery, 'status', 'pending', 'base', d.attempt, 'next', ms(t), 'lease', '', 'until', '0',
  'crashes', '0', 'sweep', '', 'again', nonce)
local _, changed = hash(delivery)
return {'found', ms(t), changed}
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
    [names.due, names.delivery(delivery), names.config],
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
  const { project, delivery, outcome } = command;
  const names = keysOf(project);
  const keys = [names.due, names.delivery(delivery)];
  if (outcome.kind === "dead") keys.push(names.dead(dayOf(command.at)));
  const [code, next] = await context.worker(RECORD, keys, [
    context.offset,
    command.nonce,
    command.lease,
    command.attempt,
    outcome.kind,
    command.log,
    command.at.toFixed(0),
    outcome.kind === "retry" ? outcome.delay : 0,
    deliveryMember(project, delivery),
    delivery,
  ]);
  switch (code) {
    case "gone":
    case "stale":
      return { kind: code };
    case "recorded":
      return next ? { kind: code, nextAt: Number(next) } : { kind: code };
    default:
      throw new Error(`record answered "${code}"`);
  }
}

export async function redeliver(context: Context, command: RedeliverCommand): Promise<RedeliverAnswer> {
  const { caller, delivery, idempotency } = command;
  const names = keysOf(caller.project);
  const keys = [names.due, names.delivery(delivery), names.dead(dayOf(command.endedAt)), names.project];
  const [code, now, flat] = await context.quick(REDELIVER, keys, [
    context.offset,
    command.nonce,
    caller.key,
    caller.hash,
    deliveryMember(caller.project, delivery),
    delivery,
    idempotency?.fingerprint ?? "",
    idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0,
    command.sharedBody ? keys.push(names.sharedBody(command.sharedBody)) : 0,
  ]);
  switch (code) {
    case "unauthenticated":
    case "forbidden":
    case "pending":
    case "reused":
      return { kind: code };
    case "missing":
      return { kind: code, now: Number(now) };
    case "found":
    case "repeated": {
      const found = readDeliveryFields(caller.project, delivery, fieldsOf(flat));
      if (!found) throw new Error("redeliver answered without a delivery");
      return { kind: code, now: Number(now), record: found };
    }
    default:
      throw new Error(`redeliver answered "${code}"`);
  }
}
