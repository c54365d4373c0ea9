import type { ClaimAnswer, ClaimCommand, RenewAnswer, RenewCommand } from "../../../ports/task-commands.ts";
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
import { fieldsOf, type ScriptReply, script } from "../script.ts";

/** Leases an attempt: a start, or the takeover of one whose lease lapsed. */
export const CLAIM = script(
  "claim",
  `
local due, task, input, cfg = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local offset, lease, run, attempt, member = ARGV[1], ARGV[2], ARGV[3], num(ARGV[4]), ARGV[5]
local running, starts = KEYS[num(ARGV[6])], KEYS[num(ARGV[7])]
local most, rate, period, keyed = num(ARGV[8]), num(ARGV[9]), num(ARGV[10]), ARGV[11] == '1'
local t = now(offset)
local h, flat = hash(task)
if not h.status then return {'gone'} end
if ${fault("deaf-to-cancel")} and h.status == 'canceled' then h.status = 'queued' end
if h.run ~= run then return {'stale'} end
if TERMINAL[h.status] then return {'ended', h.dels or ''} end
local function answer(code)
  if h.inl then flat[#flat + 1] = 'in'; flat[#flat + 1] = redis.call('GET', input) or '' end
  return {code, ms(t), redis.call('GET', cfg) or '', flat}
end
if h.status == 'running' and h.lease == lease then return answer('claimed') end
if t >= num(h.deadline) then return answer('expired') end
if h.status == 'waiting' then return {'waiting'} end
local crashes = num(h.crashes)
if h.status == 'running' then
  if num(h['until']) > t and not ${fault("no-lease")} then return {'busy', ms(num(h['until']) - t)} end
  if attempt ~= num(h.attempt) then return {'stale'} end
  crashes = crashes + 1
else
  if attempt ~= num(h.attempt) + 1 or not MOVES[h.status .. '>running'] then return {'stale'} end
  if num(h.next) > t + ${EARLY_TOLERANCE} then return {'early', ms(num(h.next) - t)} end
end
if crashes > ${CRASHES} or attempt > num(h.max) then return answer('exhausted') end
-- Milliseconds until a set of entries, each scored by its end, has room again; nil when it has.
local function full(set, limit)
  local after = '(' .. ms(t)
  if redis.call('ZCOUNT', set, after, '+inf') < limit then return nil end
  return num(redis.call('ZRANGEBYSCORE', set, after, '+inf', 'WITHSCORES', 'LIMIT', '0', '1')[2]) - t
end
local wait = running and full(running, most) or starts and keyed and full(starts, rate)
if wait then
  -- It is no fault of the queue's: the sweep asks again soon, however often it has found nothing moved.
  redis.call('ZADD', due, ms(math.min(t + ${DUE_GRACE}, num(h.deadline))), member)
  redis.call('HSET', task, 'sweep', '')
  return {'busy', ms(math.max(1000, math.min(wait, ${LIMIT_RETRY})))}
end
local seq = num(h.seq) + ${fault("silent-start") ? 0 : 1}
redis.call('ZADD', due, ms(math.min(t + ${LEASE} + ${LEASE_GRACE}, num(h.deadline))), member)
local function enter(set, entry, length)
  trim(set, ms(t))
  file(set, ms(t + length), entry, ms(length))
end
if running then enter(running, member, ${LEASE}) end
if starts then enter(starts, lease, period) end
local changes = {
  'status', 'running', 'attempt', ms(attempt), 'crashes', ms(crashes), 'seq', ms(seq), 'lease', lease,
  'until', ms(t + ${LEASE}), 'started', h.started or ms(t), 'sweep', '',
  'l:' .. ms(seq), ms(t) .. ' ' .. run .. ' task.started worker '
    .. (crashes > num(h.crashes) and 'lease-lapsed' or '')
}
if running then changes[#changes + 1] = 'held'; changes[#changes + 1] = '1' end
redis.call('HSET', task, unpack(changes))
notify(task, h, t, 'running')
for _, word in ipairs(changes) do flat[#flat + 1] = word end
return answer('claimed')
`,
);

/** Renews the lease; its answer is how a cancel and the deadline reach the handler. */
export const RENEW = script(
  "renew",
  `
local due, task, running = KEYS[1], KEYS[2], KEYS[3]
local offset, lease, run, attempt, member, progress = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local t = now(offset)
local h = hash(task)
if h.status ~= 'running' or h.run ~= run or h.lease ~= lease or h.attempt ~= attempt then return {'lost'} end
if t >= num(h.deadline) then return {'expired'} end
redis.call('ZADD', due, ms(math.min(t + ${LEASE} + ${LEASE_GRACE}, num(h.deadline))), member)
local changes = {'until', ms(t + ${LEASE}), 'sweep', ''}
if progress ~= '' then changes[5] = 'progress'; changes[6] = progress end
redis.call('HSET', task, unpack(changes))
if running then
  file(running, ms(t + ${LEASE}), member, '${LEASE}')
end
if progress ~= '' then notify(task, h, t) end
return {'renewed', ms(t)}
`,
);

export async function claim(context: Context, command: ClaimCommand): Promise<ClaimAnswer> {
  const { project, task, limits } = command;
  const names = keysOf(project);
  const keys = [names.due, names.task(task), names.input(task), names.config];
  const rate = limits?.rate;
  const [code, ...rest] = await context.worker(CLAIM, keys, [
    context.offset,
    command.lease,
    command.run,
    command.attempt,
    taskMember(project, task),
    limits?.concurrency !== undefined ? keys.push(names.running(limits.type)) : 0,
    limits && rate ? keys.push(names.starts(limits.type)) : 0,
    limits?.concurrency ?? 0,
    rate?.limit ?? 0,
    rate?.period ?? 0,
    limits?.keyed ? 1 : 0,
  ]);
  switch (code) {
    case "gone":
    case "stale":
    case "waiting":
      return { kind: code };
    case "ended":
      return { kind: code, deliveries: String(rest[0]).split(",").filter(Boolean) };
    case "busy":
    case "early":
      return { kind: code, retryAfter: Number(rest[0]) };
    case "claimed":
    case "expired":
    case "exhausted":
      return { kind: code, ...heldTask(project, task, rest) };
    default:
      throw new Error(`claim answered "${code}"`);
  }
}

function heldTask(project: string, task: string, [now, config, flat]: readonly ScriptReply[]) {
  const record = readTaskFields(project, task, fieldsOf(flat));
  if (!record) throw new Error("claim answered without a task");
  return { now: Number(now), config: configOf(config), record };
}

export async function renew(context: Context, command: RenewCommand): Promise<RenewAnswer> {
  const { project, task, held } = command;
  const names = keysOf(project);
  const [code, now] = await context.worker(
    RENEW,
    [names.due, names.task(task), ...(held !== undefined ? [names.running(held)] : [])],
    [
      context.offset,
      command.lease,
      command.run,
      command.attempt,
      taskMember(project, task),
      command.progress ? JSON.stringify(command.progress) : "",
    ],
  );
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
