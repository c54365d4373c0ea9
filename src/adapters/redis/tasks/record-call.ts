import type { RecordCallAnswer, RecordCallCommand, RecordPollCommand } from "../../../ports/task-commands.ts";
import { DUE_GRACE, LEASE_GRACE } from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { readTaskFields } from "../fields.ts";
import { keysOf, taskMember } from "../keys.ts";
import { configOf } from "../projects/config.ts";
import { fieldsOf, named, script } from "../script.ts";

/**
 * Notes that the queue calls a service for an attempt: the attempt begins when it has not yet, and its lease covers
 * the call. Sent before the outcome is looked at, too, which may come first.
 */
export const RECORD_CALL = script(
  "recordCall",
  `
local due, task, cfg = KEYS[1], KEYS[2], KEYS[3]
local a = named(ARGV) -- offset run attempt message length member held
local t = now(a.offset)
local h, flat = hash(task)
if not h.status then return {'gone'} end
if h.run ~= a.run then return {'stale'} end
if TERMINAL[h.status] then return {'already', h.dels or ''} end
local mine = a.run .. '.' .. a.attempt
local calls = string.match(h.call or '', '^' .. a.run .. '%.' .. a.attempt .. ' (.*)$')
local known = calls and string.find(' ' .. calls .. ' ', ' ' .. a.message .. ' ', 1, true)
local changes = {}
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
local seq, till = ms(num(h.seq) + 1), t + a.length
if h.status == 'queued' then
  if num(a.attempt) ~= num(h.attempt) + 1 or num(a.attempt) > num(h.max) then return {'stale'} end
  if t >= num(h.deadline) or not MOVES['queued>running'] then return {'stale'} end
  change('status', 'running') change('attempt', a.attempt) change('seq', seq) change('started', h.started or ms(t))
  change('l:' .. seq, ms(t) .. ' ' .. a.run .. ' task.started worker ')
elseif h.attempt ~= a.attempt then return {'stale'}
elseif known and a.held == '' or h.status == 'waiting' then return {'published', ms(t), redis.call('GET', cfg) or '', flat}
else till = math.max(till, num(h['until'])) end
if a.held ~= '' then change('crashes', '0') end
change('until', ms(till)) change('sweep', '')
if not known and a.message ~= '' then change('call', mine .. (calls and ' ' .. calls or '') .. ' ' .. a.message) end
redis.call('ZADD', due, ms(math.min(till + ${LEASE_GRACE}, num(h.deadline))), a.member)
redis.call('HSET', task, unpack(changes))
if h.status == 'queued' then notify(task, h, t, 'running') end
for _, word in ipairs(changes) do flat[#flat + 1] = word end
return {'published', ms(t), redis.call('GET', cfg) or '', flat}
`,
);

/**
 * Notes where a waiting task is asked after next, and until when the answer must have come. Of several who were told of
 * the last poll (QStash tells of a failed one twice) the first asks; the nonce tells it from the others.
 */
export const RECORD_POLL = script(
  "recordPoll",
  `
local due, task = KEYS[1], KEYS[2]
local a = named(ARGV) -- offset run attempt number url service length member nonce
local t = now(a.offset)
local h = hash(task)
if h.status ~= 'waiting' or h.run ~= a.run or h.attempt ~= a.attempt or t >= num(h.deadline) then return {'stale'} end
local at, count = string.match(h.poll or '', '^(%S+) (%d+) ')
if at ~= a.run .. '.' .. a.attempt then return {'stale'} end
local poll = at .. ' ' .. a.number .. ' ' .. a.url .. ' ' .. a.nonce .. ' ' .. a.service
if h.poll == poll then return {'polling'} end
if num(count) + 1 ~= num(a.number) then return {'stale'} end
local by = t + a.length
redis.call('ZADD', due, ms(math.min(by, num(h.deadline))), a.member)
redis.call('HSET', task, 'poll', poll, 'beat', a.length, 'beatby', ms(by), 'sweep', '')
return {'polling'}
`,
);

export async function recordCall(context: Context, command: RecordCallCommand): Promise<RecordCallAnswer> {
  const { project, task } = command;
  const names = keysOf(project);
  const [code, ...rest] = await context.worker(
    RECORD_CALL,
    [names.due, names.task(task), names.config],
    named({
      offset: context.offset,
      run: command.run,
      attempt: command.attempt,
      message: command.message,
      length: command.length,
      member: taskMember(project, task),
      held: command.held ? "1" : "",
    }),
  );
  switch (code) {
    case "gone":
    case "stale":
      return { kind: code };
    case "already":
      return { kind: code, deliveries: String(rest[0]).split(",").filter(Boolean) };
    case "published": {
      const record = readTaskFields(project, task, fieldsOf(rest[2]));
      if (!record) throw new Error("recordCall answered without a task");
      return { kind: code, now: Number(rest[0]), config: configOf(rest[1]), record };
    }
    default:
      throw new Error(`recordCall answered "${code}"`);
  }
}

/** True when this poll is the one to send; false when somebody else sends it, or nobody waits for it. */
export async function recordPoll(context: Context, command: RecordPollCommand): Promise<boolean> {
  const { project, id, run, attempt } = command.record;
  const names = keysOf(project);
  const [code] = await context.worker(
    RECORD_POLL,
    [names.due, names.task(id)],
    named({
      offset: context.offset,
      run,
      attempt,
      number: command.number,
      url: command.url,
      service: command.service,
      length: command.length + DUE_GRACE,
      member: taskMember(project, id),
      nonce: command.nonce,
    }),
  );
  return code === "polling";
}
