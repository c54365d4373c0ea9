import type { ClaimAnswer, ClaimCommand, RenewAnswer, RenewCommand } from "../../../ports/commands/task.ts";
import { fault } from "../../../shared/fault-point.ts";
import {
  CRASHES,
  DUE_GRACE,
  EARLY_TOLERANCE,
  LEASE,
  LEASE_GRACE,
  LIMIT_RETRY,
} from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { readTaskFields } from "../fields.ts";
import { keysOf, taskMember } from "../keys.ts";
import { configOf } from "../projects/config.ts";
import { fieldsOf, named, type ScriptReply, script } from "../script.ts";
import { PAUSING } from "./pause.ts";

/** Leases an attempt: a start, or the takeover of one whose lease lapsed. */
export const CLAIM = script(
  "claim",
  `
-- KEYS
--   due            due set of the partition
--   task           hash of the task
--   input          its input, when it is large
--   config         configuration of the project
--   parked         tasks whose next attempt is held
--   running?       running attempts of the type, when their number is limited
--   starts?        starts of the type, when it has a rate
-- ARGV
--   offset         ms added to Redis's clock
--   lease          name of the lease, of this call alone
--   run, attempt   the attempt that is claimed
--   member         the task's member of the due set and of \`running\`
--   running        place of that key in KEYS
--   starts         place of that key in KEYS
--   most           running attempts that the type may have
--   rate, period   starts that the type may have in so many ms
--   keyed          1: the rate holds attempts back; else it is only counted
-- RETURNS
--   claimed, <now>, <config>, <task>
--                           the lease is the caller's; \`<version> <JSON>\`; fields and values
--   expired, <now>, <config>, <task>
--                           the deadline has passed
--   exhausted, <now>, <config>, <task>
--                           no attempt is left, or too many have crashed
--   gone                    there is no such task
--   stale                   another attempt is the next one, or the run is over
--   ended, <deliveries>     the task has ended; ids with commas
--   waiting                 the attempt waits for its completion
--   paused                  it is held until the project or its type is resumed
--   busy, <wait>            another lease holds, or the type's limit is reached: ms to wait
--   early, <wait>           ms until the attempt may start
${PAUSING}
local dueKey, taskKey, inputKey, configKey, parkedKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local args = named(ARGV)
local runningKey, startsKey = KEYS[number(args.running)], KEYS[number(args.starts)]
local attempt = number(args.attempt)
local now = clock(args.offset)
local task, flat = hash(taskKey)
if not task.status then return {'gone'} end
if ${fault("deaf-to-cancel")} and task.status == 'canceled' then task.status = 'queued' end
if task.run ~= args.run then return {'stale'} end
if TERMINAL[task.status] then return {'ended', task.dels or ''} end
local config
local function configuration()
  config = config or redis.call('GET', configKey) or ''
  return config
end
local function answer(code)
  if task.inl then flat[#flat + 1] = 'in'; flat[#flat + 1] = redis.call('GET', inputKey) or '' end
  return {code, integer(now), configuration(), flat}
end
if task.status == 'running' and task.lease == args.lease then return answer('claimed') end
if now >= number(task.deadline) then return answer('expired') end
if task.status == 'waiting' then return {'waiting'} end
local crashes = number(task.crashes)
if task.status == 'running' then
  local lapsesIn = number(task['until']) - now
  if lapsesIn > 0 and not ${fault("no-lease")} then return {'busy', integer(lapsesIn)} end
  if attempt ~= number(task.attempt) then return {'stale'} end
  crashes = crashes + 1
else
  if attempt ~= number(task.attempt) + 1 or not MOVES[task.status .. '>running'] then return {'stale'} end
  if number(task.next) > now + ${EARLY_TOLERANCE} then return {'early', integer(number(task.next) - now)} end
  if isPaused(configuration(), task.type) then
    park(dueKey, parkedKey, taskKey, task, string.match(args.member, '[^|]+$'), args.member)
    return {'paused'}
  end
end
if crashes > ${CRASHES} or attempt > number(task.max) then return answer('exhausted') end
-- Milliseconds until a set of entries, each scored by its end, has room again; nil when it has.
local function full(set, limit)
  local after = '(' .. integer(now)
  if redis.call('ZCOUNT', set, after, '+inf') < limit then return nil end
  return number(redis.call('ZRANGEBYSCORE', set, after, '+inf', 'WITHSCORES', 'LIMIT', '0', '1')[2]) - now
end
local wait = runningKey and full(runningKey, number(args.most))
  or startsKey and args.keyed == '1' and full(startsKey, number(args.rate))
if wait then
  -- It is no fault of the queue's: the sweep asks again soon, however often it has found nothing moved.
  redis.call('ZADD', dueKey, integer(math.min(now + ${DUE_GRACE}, number(task.deadline))), args.member)
  redis.call('HSET', taskKey, 'sweep', '')
  return {'busy', integer(math.max(1000, math.min(wait, ${LIMIT_RETRY})))}
end
local sequence = number(task.seq) + ${fault("silent-start") ? 0 : 1}
-- A queued task that no sweep has looked at is due soon after its start: then the sweep finds the lease, and looks again
-- when that ends.
local isDueBefore = task.status == 'queued' and (task.sweep or '') == '' and task.parked ~= '1'
  and now < number(task.next) + ${DUE_GRACE}
if not isDueBefore then
  redis.call('ZADD', dueKey, integer(math.min(now + ${LEASE} + ${LEASE_GRACE}, number(task.deadline))), args.member)
end
local function enter(set, entry, length)
  trim(set, integer(now))
  file(set, integer(now + length), entry, integer(length))
end
if runningKey then enter(runningKey, args.member, ${LEASE}) end
if startsKey then enter(startsKey, args.lease, number(args.period)) end
local changes = {
  'status', 'running', 'attempt', integer(attempt), 'crashes', integer(crashes), 'seq', integer(sequence),
  'lease', args.lease, 'until', integer(now + ${LEASE}), 'started', task.started or integer(now), 'sweep', '',
  'l:' .. integer(sequence), integer(now) .. ' ' .. args.run .. ' task.started worker '
    .. (crashes > number(task.crashes) and 'lease-lapsed' or '')
}
if runningKey then changes[#changes + 1] = 'held'; changes[#changes + 1] = '1' end
if task.parked == '1' then changes[#changes + 1] = 'parked'; changes[#changes + 1] = '' end
redis.call('HSET', taskKey, unpack(changes))
notify(taskKey, task, now, 'running')
for _, word in ipairs(changes) do flat[#flat + 1] = word end
return answer('claimed')
`,
);

/** Renews the lease, or only asks for it; its answer is how a cancel and the deadline reach the handler. */
export const RENEW = script(
  "renew",
  `
-- KEYS
--   due            due set of the partition
--   task           hash of the task
--   running?       running attempts of the type, when the attempt has a place there
-- ARGV
--   offset         ms added to Redis's clock
--   lease          name of the lease
--   run, attempt   the attempt that holds it
--   member         the task's member of the due set and of \`running\`
--   running        place of that key in KEYS
--   length         ms by which the lease is extended; 0: it keeps its end
--   progress       JSON of the progress; empty: none
-- RETURNS
--   renewed, <now>          the lease is still the caller's
--   expired                 the deadline has passed
--   lost                    the lease is no longer the caller's
local dueKey, taskKey = KEYS[1], KEYS[2]
local args = named(ARGV)
local runningKey = KEYS[number(args.running)]
local now = clock(args.offset)
local task = hash(taskKey)
local isHolder = task.lease == args.lease and task.run == args.run and task.attempt == args.attempt
if task.status ~= 'running' or not isHolder then return {'lost'} end
if now >= number(task.deadline) then return {'expired'} end
local changes, ends = {}, now + args.length
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
if ends > now then
  redis.call('ZADD', dueKey, integer(math.min(ends + ${LEASE_GRACE}, number(task.deadline))), args.member)
  change('until', integer(ends)) change('sweep', '')
end
if args.progress ~= '' then change('progress', args.progress) end
if #changes > 0 then redis.call('HSET', taskKey, unpack(changes)) end
if runningKey then file(runningKey, integer(ends), args.member, integer(args.length)) end
if args.progress ~= '' then notify(taskKey, task, now) end
return {'renewed', integer(now)}
`,
);

export async function claim(context: Context, command: ClaimCommand): Promise<ClaimAnswer> {
  const { project, task, limits } = command;
  const names = keysOf(project);
  const keys = [names.due, names.task(task), names.input(task), names.config, names.parked];
  const rate = limits?.rate;
  const args = named({
    offset: context.offset,
    lease: command.lease,
    run: command.run,
    attempt: command.attempt,
    member: taskMember(project, task),
    running: limits?.concurrency !== undefined ? keys.push(names.running(limits.type)) : 0,
    starts: limits && rate ? keys.push(names.starts(limits.type)) : 0,
    most: limits?.concurrency ?? 0,
    rate: rate?.limit ?? 0,
    period: rate?.period ?? 0,
    keyed: limits?.keyed ? 1 : 0,
  });
  const [code, ...rest] = await context.worker(CLAIM, keys, args);
  switch (code) {
    case "gone":
    case "stale":
    case "waiting":
    case "paused":
      return { kind: code };
    case "ended":
      return { kind: code, deliveries: String(rest[0]).split(",").filter(Boolean) };
    case "busy":
    case "early":
      return { kind: code, retryAfter: Number(rest[0]) };
    case "claimed":
    case "expired":
    case "exhausted":
      return { kind: code, ...(await heldTask(context, project, task, rest)) };
    default:
      throw new Error(`claim answered "${code}"`);
  }
}

async function heldTask(
  context: Context,
  project: string,
  task: string,
  [now, config, flat]: readonly ScriptReply[],
) {
  const record = await readTaskFields(context, project, task, fieldsOf(flat));
  if (!record) throw new Error("claim answered without a task");
  return { now: Number(now), config: configOf(config), record };
}

export async function renew(context: Context, command: RenewCommand): Promise<RenewAnswer> {
  const { project, task, held } = command;
  const names = keysOf(project);
  const keys = [names.due, names.task(task)];
  const args = named({
    offset: context.offset,
    lease: command.lease,
    run: command.run,
    attempt: command.attempt,
    member: taskMember(project, task),
    running: held !== undefined ? keys.push(names.running(held)) : 0,
    length: command.fixed ? 0 : LEASE,
    progress: command.progress ? JSON.stringify(command.progress) : "",
  });
  const [code, now] = await context.worker(RENEW, keys, args);
  switch (code) {
    case "renewed":
      return { kind: code, now: Number(now) };
    case "expired":
    case "lost":
      return { kind: code };
    default:
      throw new Error(`renew answered "${code}"`);
  }
}
