import { BODY_RETENTION, DUE_GRACE, IDEMPOTENCY_TTL } from "../domain/limits.ts";
import type {
  LettersAnswer,
  LettersQuery,
  RedeliverAnswer,
  RedeliverCommand,
} from "../flow/delivery-commands.ts";
import { CIRCUIT } from "./circuit.ts";
import type { Context } from "./context.ts";
import { readDeliveryFields } from "./fields.ts";
import { dayOf, deliveryMember, keysOf, letterOf } from "./keys.ts";
import { fieldsOf, named, type Runner, type ScriptReply, script } from "./script.ts";

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
if a.delay == '0' then redis.call('HDEL', proj, placeOf(d)) end
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
