import type { RedeliverAnswer, RedeliverCommand } from "../../../ports/delivery-commands.ts";
import { BODY_RETENTION, DELIVERY_RETENTION, DUE_GRACE, IDEMPOTENCY_TTL } from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { readDeliveryFields } from "../fields.ts";
import { dayOf, deliveryMember, hourOf, keysOf, oldDeadLetterOf } from "../keys.ts";
import { proofOf } from "../proof.ts";
import { fieldsOf, named, type Runner, type ScriptReply, script } from "../script.ts";
import { CIRCUIT, FAILED } from "./circuit.ts";

/** Sends an ended delivery again: the same event, its schedule from the start. Who asks for it at once says that the receiver is mended. */
export const REDELIVER = script(
  "redeliver",
  `${CIRCUIT}${FAILED}
local due, delivery, proj, circuits, deadLetters, old = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local a = named(ARGV) -- offset nonce key secret scope member id deadLetter ended fingerprint note delay idem body
local idem, body = KEYS[num(a.idem)], KEYS[num(a.body)]
local t = now(a.offset)
local no = denied(redis.call('HGET', proj, 'k:' .. a.key), a.secret, a.scope, t)
if no then return {no} end
local d, flat = hash(delivery)
if not d.status then return {'missing', ms(t)} end
if d.again == a.nonce then return {'found', ms(t), flat} end
local known = idem and redis.call('GET', idem)
if known then return {string.match(known, '^%S+') == a.fingerprint and 'repeated' or 'reused', ms(t), flat} end
if d.status == 'pending' then return {'pending'} end
if d.ended ~= a.ended then return {'changed', ms(t), flat} end
together(function()
  undone('ZREM', due, a.member)
  redis.call('ZADD', due, ms(t + a.delay + ${DUE_GRACE}), a.member)
  if body then redis.call('PEXPIRE', body, '${BODY_RETENTION}') end
  if idem then undone('DEL', idem) redis.call('SET', idem, a.fingerprint .. ' ' .. a.note, 'PX', '${IDEMPOTENCY_TTL}') end
  undone('PEXPIRE', delivery, '${DELIVERY_RETENTION}')
  redis.call('PERSIST', delivery)
  redis.call('HSET', delivery, 'status', 'pending', 'base', d.attempt, 'next', ms(t + a.delay), 'lease', '', 'until', '0',
    'crashes', '0', 'sweep', '', 'held', '', 'again', a.nonce, 'ended', '')
end)
redis.call('ZREM', deadLetters, a.id)
redis.call('ZREM', old, a.deadLetter)
if a.delay == '0' then circuitClosed(proj, circuits, placeOf(d)) end
local _, changed = hash(delivery)
return {'found', ms(t), changed}
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
  const keys = [
    names.due,
    names.delivery(delivery),
    names.project,
    names.circuits,
    names.deadLetters(endpointId, hourOf(command.endedAt)),
    names.oldLetters(dayOf(command.endedAt)),
  ];
  const args = named({
    offset: context.offset,
    nonce: command.nonce,
    ...proofOf(caller),
    scope: command.scope,
    member: deliveryMember(caller.project, delivery),
    id: delivery,
    deadLetter: oldDeadLetterOf(delivery, endpointId),
    ended: command.endedAt.toFixed(0),
    fingerprint: idempotency?.fingerprint ?? "",
    note: command.note ?? delivery,
    delay: command.delay,
    idem: idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0,
    body: command.sharedBody ? keys.push(names.sharedBody(command.sharedBody)) : 0,
  });
  return [REDELIVER, keys, args];
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
