import type { RecordAnswer, RecordCommand } from "../../../ports/commands/delivery.ts";
import { fault } from "../../../shared/fault-point.ts";
import {
  ATTEMPTS_KEPT,
  DELIVERY_MARGIN,
  DUE_GRACE,
  FAILURE_PAUSE,
  HEALTH_RETENTION,
  PENDING_MARGIN,
  PUBLISH_HORIZON,
} from "../../../shared/limits.ts";
import { originOf } from "../../../shared/origin.ts";
import type { Context } from "../context.ts";
import { deliveryMember, keysOf } from "../keys.ts";
import { named, script } from "../script.ts";
import { keepTasks, surelyKept } from "../tasks/keep.ts";
import { FAILED } from "./circuit.ts";
import { addDeadLetterKeys } from "./filing.ts";
import { OPENING, openingArgs } from "./opening.ts";

/**
 * Records an attempt: delivered, to be tried again, or dead; what its destination's circuit and its endpoint's health
 * learn of it; and opens what tells of a dead one.
 */
export const RECORD = script(
  "record",
  `
-- KEYS
--   due            due set of the partition
--   delivery       hash of the delivery
--   project        hash of the project
--   circuits       destinations that have a circuit
--   health?        failures of the endpoint
--   deadLetters?   the endpoint's dead letters of this hour, when the delivery is dead
--   day?           all dead letters of this day, while they are filed by day too
--   deliveries…    keys that \`open\` writes
-- ARGV
--   offset         ms added to Redis's clock
--   nonce          the same when this is sent again
--   lease          name of the lease
--   attempt        number of the attempt
--   outcome        \`delivered\`, \`retry\` or \`dead\`
--   log            JSON of the attempt
--   at             time of the outcome, ms
--   delay          ms until the next attempt
--   member         the delivery's member of the due set
--   id             id of the delivery
--   endpoint       id of its endpoint; empty: none
--   url, place     where the attempt went, and its destination; empty: where the delivery says
--   circuit        what the circuit learns: \`failed\`, \`alive\`, or empty
--   failing        1: the endpoint has failed; else empty
--   health, deadLetters, day
--                  places of these keys in KEYS
--   kept           ms for which an ended delivery is kept
--   sure           ms for which every task with deliveries is kept after its end
--   count          number of deliveries that are opened
--   …              what \`open\` reads
-- RETURNS
--   recorded, <next>        recorded before: time of the next attempt, or empty
--   recorded, <next>, <first>, <task>, <until>
--                           recorded now; since when the endpoint fails, or empty; its task, when that must be kept
--                           longer than tasks are, and until when
--   gone                    there is no such delivery
--   stale                   the lease is no longer the caller's
${OPENING}${FAILED}
local dueKey, deliveryKey, projectKey, circuitsKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local args, rest = named(ARGV)
local healthKey, deadLettersKey = KEYS[number(args.health)], KEYS[number(args.deadLetters)]
local dayKey = KEYS[number(args.day)]
local names = {
  'status', 'nonce', 'lease', 'attempt', 'next', 'once', 'url', 'place', 'watch', 'waits', 'task', 'created'
}
local delivery = some(deliveryKey, names)
local nextAt, failingSince = '', ''
local function fileThis()
  if not deadLettersKey or delivery.once == '1' then return end
  fileDead(deadLettersKey, dayKey, args.at, args.id, args.kept, args.endpoint)
end
if not delivery.status then return {'gone'} end
if delivery.nonce == args.nonce then
  if delivery.status == 'dead' then fileThis() end
  return {'recorded', delivery.status == 'pending' and delivery.next or ''}
end
local isHolder = delivery.lease == args.lease and delivery.attempt == args.attempt
if delivery.status ~= 'pending' or not isHolder then return {'stale'} end
local changes = {
  'a:' .. args.attempt, args.log, 'lease', '', 'until', '0', 'crashes', '0', 'sweep', '', 'nonce', args.nonce
}
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
if delivery.waits then change('waits', '') end
-- Where the attempt really went: its endpoint may have moved.
if args.url ~= '' then
  if args.url ~= delivery.url then change('url', args.url) end
  if args.url ~= delivery.url or delivery.place then change('place', args.place) end
  delivery.place = args.place
end
local now = (args.outcome ~= 'delivered' or number(args.count) > 0) and clock(args.offset)
if args.circuit == 'failed' then change('watch', '1') end
together(function()
  if args.outcome == 'retry' then
    local start = now + args.delay
    nextAt = integer(start)
    local look = number(args.delay) > ${PUBLISH_HORIZON} and start - ${PUBLISH_HORIZON} or start + ${DUE_GRACE}
    undone('ZADD', dueKey, integer(now), args.member)
    redis.call('ZADD', dueKey, integer(look), args.member)
    if ${fault("gives-up-in-script")} then redis.call('ZREM', dueKey, args.member) end
    change('next', nextAt)
  else
    if number(args.count) > 0 then open(dueKey, projectKey, now, integer(now), ARGV, rest, number(args.count)) end
    if args.outcome == 'dead' and delivery.once ~= '1' then countDead(projectKey, 1) end
    change('status', args.outcome) change('ended', args.at)
    undone('PERSIST', deliveryKey)
    redis.call('PEXPIRE', deliveryKey, args.kept)
  end
  redis.call('HSET', deliveryKey, unpack(changes))
end)
-- Of an attempt that was recorded nothing is lost when one of these fails: they are repeated, lapse, or are looked over.
fileThis()
if args.outcome ~= 'retry' then redis.call('ZREM', dueKey, args.member) end
local forgotten = number(args.attempt) - ${ATTEMPTS_KEPT}
if forgotten > 0 then redis.call('HDEL', deliveryKey, 'a:' .. integer(forgotten)) end
if args.circuit == 'failed' then circuitFailed(projectKey, circuitsKey, placeOf(delivery), args.lease, now)
elseif args.circuit == 'alive' and delivery.watch == '1' then
  circuitClosed(projectKey, circuitsKey, placeOf(delivery))
end
if healthKey and args.outcome == 'delivered' then
  -- The release before reads the empty ones as none.
  keep(healthKey, '${HEALTH_RETENTION}', {'ok', args.at, 'first', '', 'last', '', 'failures', '0'})
elseif healthKey and args.failing == '1' then
  local before = some(healthKey, {'first', 'last', 'failures'})
  local goes = before.first and before.first ~= '' and now - number(before.last) <= ${FAILURE_PAUSE}
  failingSince = goes and before.first or integer(now)
  keep(healthKey, '${HEALTH_RETENTION}',
    {'first', failingSince, 'last', integer(now), 'failures', integer((goes and number(before.failures) or 0) + 1)})
end
local till = nextAt ~= '' and nextAt + ${PENDING_MARGIN} or args.at + ${DELIVERY_MARGIN}
local isSure = till <= number(delivery.created) + args.sure
return {'recorded', nextAt, failingSince, not isSure and delivery.task or '', integer(till)}
`,
);

export async function record(context: Context, command: RecordCommand): Promise<RecordAnswer> {
  const { project, delivery, outcome, endpointId, verdict, deliveries } = command;
  const names = keysOf(project);
  const keys = [names.due, names.delivery(delivery), names.project, names.circuits];
  const places = {
    health: endpointId === undefined ? 0 : keys.push(names.health(endpointId)),
    ...(outcome.kind === "dead"
      ? addDeadLetterKeys(context, keys, project, endpointId, Math.round(command.at))
      : { deadLetters: 0, day: 0 }),
  };
  const { args } = await openingArgs(context, keys, project, deliveries);
  const [code, next, failingSince, task, until] = await context.worker(RECORD, keys, [
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
      kept: context.retention.delivery,
      sure: surelyKept(context),
      count: deliveries.length,
    }),
    ...args,
  ]);
  switch (code) {
    case "gone":
    case "stale":
      return { kind: code };
    case "recorded":
      if (task) await keepTasks(context, project, new Map([[String(task), Number(until)]]));
      return {
        kind: code,
        ...(next && { nextAt: Number(next) }),
        ...(failingSince && { failingSince: Number(failingSince) }),
      };
    default:
      throw new Error(`record answered "${code}"`);
  }
}
