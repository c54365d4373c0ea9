import type { RedeliverAnswer, RedeliverCommand } from "../../../ports/commands/delivery.ts";
import { BODY_MARGIN, DUE_GRACE, IDEMPOTENCY_TTL, PENDING_MARGIN } from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { readDeliveryState } from "../fields.ts";
import { dayOf, deliveryMember, hourOf, keysOf, oldDeadLetterOf } from "../keys.ts";
import { proofOf } from "../proof.ts";
import { fieldsOf, named, type Runner, type ScriptReply, script } from "../script.ts";
import { keepTasks, surelyKept } from "../tasks/keep.ts";
import { CIRCUIT, FAILED } from "./circuit.ts";
import { FILING } from "./filing.ts";

/**
 * Sends an ended delivery again: the same event, its schedule from the start. A redelivery without delay closes the
 * circuit, because its caller says that the receiver works again.
 */
export const REDELIVER = script(
  "redeliver",
  `
-- KEYS
--   due            due set of the partition
--   delivery       hash of the delivery
--   project        hash of the project
--   circuits       destinations that have a circuit
--   deadLetters    the endpoint's dead letters of the hour in which it died
--   oldLetters     all dead letters of that day
--   idempotency?   record of the idempotency key
--   body?          the body, when deliveries share it
-- ARGV
--   offset         ms added to Redis's clock
--   key, secret    id of the API key, SHA-256 of its secret
--   scope          what the API key must be allowed to do
--   nonce          the same when this is sent again
--   member         the delivery's member of the due set
--   id             id of the delivery, its member of the dead letters
--   oldLetter      its member of the dead letters of the day
--   ended          time of its end, ms, as the caller read it
--   fingerprint    fingerprint of the request under the idempotency key
--   note           what the record of the idempotency key names
--   delay          ms until the attempt; 0: at once, which closes the circuit
--   kept           ms for which an ended delivery is kept
--   idempotency, body
--                  places of these keys in KEYS
-- RETURNS
--   found, <now>, <delivery>
--                           pending again; fields and values
--   missing, <now>          there is no such delivery
--   pending                 it has not ended
--   changed, <now>, <delivery>
--                           it was sent again since the caller read it
--   repeated, <now>, <delivery>
--                           the same request was made under the idempotency key
--   reused, <now>, <delivery>
--                           another request was made under the idempotency key
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks the scope; there is no such project
${CIRCUIT}${FAILED}${FILING}
local dueKey, deliveryKey, projectKey, circuitsKey, deadLettersKey, oldLettersKey =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local args = named(ARGV)
local idempotencyKey, bodyKey = KEYS[number(args.idempotency)], KEYS[number(args.body)]
local now = clock(args.offset)
local refusal = denied(redis.call('HGET', projectKey, proofField(args.key)), args.secret, args.scope, now)
if refusal then return {refusal} end
local delivery, flat = hash(deliveryKey)
if not delivery.status then return {'missing', integer(now)} end
if delivery.again == args.nonce then return {'found', integer(now), flat} end
local known = idempotencyKey and redis.call('GET', idempotencyKey)
if known then
  return {string.match(known, '^%S+') == args.fingerprint and 'repeated' or 'reused', integer(now), flat}
end
if delivery.status == 'pending' then return {'pending'} end
if delivery.ended ~= args.ended then return {'changed', integer(now), flat} end
together(function()
  undone('ZREM', dueKey, args.member)
  redis.call('ZADD', dueKey, integer(now + args.delay + ${DUE_GRACE}), args.member)
  if bodyKey then redis.call('PEXPIRE', bodyKey, integer(number(args.kept) + ${BODY_MARGIN}), 'GT') end
  if idempotencyKey then
    undone('DEL', idempotencyKey)
    redis.call('SET', idempotencyKey, args.fingerprint .. ' ' .. args.note, 'PX', '${IDEMPOTENCY_TTL}')
  end
  if delivery.status == 'dead' and delivery.once ~= '1' then countDead(projectKey, -1) end
  undone('PEXPIRE', deliveryKey, args.kept)
  redis.call('PERSIST', deliveryKey)
  redis.call('HSET', deliveryKey, 'status', 'pending', 'base', delivery.attempt, 'next', integer(now + args.delay),
    'lease', '', 'until', '0', 'crashes', '0', 'sweep', '', 'held', '', 'again', args.nonce, 'ended', '')
end)
redis.call('ZREM', deadLettersKey, args.id)
redis.call('ZREM', oldLettersKey, args.oldLetter)
if args.delay == '0' then circuitClosed(projectKey, circuitsKey, placeOf(delivery)) end
local _, changed = hash(deliveryKey)
return {'found', integer(now), changed}
`,
);

export async function redeliver(context: Context, command: RedeliverCommand): Promise<RedeliverAnswer> {
  const answer = redelivered(command, await context.adding(...redeliverCall(context, command)));
  await keepTasksOf(context, [command], [answer]);
  return answer;
}

/** Sends many again in one request. */
export async function redeliverAll(
  context: Context,
  commands: readonly RedeliverCommand[],
): Promise<readonly RedeliverAnswer[]> {
  const replies = await context.many(commands.map((command) => redeliverCall(context, command)));
  const answers = commands.map((command, index) => redelivered(command, replies[index] ?? []));
  await keepTasksOf(context, commands, answers);
  return answers;
}

/** The tasks of deliveries that are pending again are kept at least as long as those. */
async function keepTasksOf(
  context: Context,
  commands: readonly RedeliverCommand[],
  answers: readonly RedeliverAnswer[],
): Promise<void> {
  const [first] = commands;
  const wanted = new Map<string, number>();
  for (const answer of answers) {
    if (answer.kind !== "found" || answer.record.taskId === "") continue;
    const { taskId, createdAt, nextAt } = answer.record;
    const until = nextAt + PENDING_MARGIN;
    if (until <= createdAt + surelyKept(context)) continue;
    wanted.set(taskId, Math.max(until, wanted.get(taskId) ?? 0));
  }
  if (first && wanted.size > 0) await keepTasks(context, first.caller.project, wanted);
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
    oldLetter: oldDeadLetterOf(delivery, endpointId),
    ended: command.endedAt.toFixed(0),
    fingerprint: idempotency?.fingerprint ?? "",
    note: command.note ?? delivery,
    delay: command.delay,
    kept: context.retention.delivery,
    idempotency: idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0,
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
    case "unknown-project":
    case "pending":
    case "reused":
      return { kind: code };
    case "missing":
      return { kind: code, now: Number(now) };
    case "found":
    case "changed":
    case "repeated": {
      const found = readDeliveryState(caller.project, delivery, fieldsOf(flat));
      if (!found) throw new Error("redeliver answered without a delivery");
      return { kind: code, now: Number(now), record: found };
    }
    default:
      throw new Error(`redeliver answered "${code}"`);
  }
}
