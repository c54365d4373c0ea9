import type { RecordCallAnswer, RecordCallCommand, RecordPollCommand } from "../../../ports/commands/task.ts";
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
-- KEYS
--   due            due set of the partition
--   task           hash of the task
--   config         configuration of the project
-- ARGV
--   offset         ms added to Redis's clock
--   run, attempt   the attempt that calls the service
--   message        id of the queue's message; empty: unknown
--   length         ms that the call may take
--   member         the task's member of the due set
--   held           1: the service answered that it is at work; else empty
-- RETURNS
--   published, <now>, <config>, <task>
--                           the call counts; \`<version> <JSON>\`; fields and values
--   gone                    there is no such task
--   stale                   the attempt is over, or cannot begin
--   already, <deliveries>   the task has ended; ids with commas
local dueKey, taskKey, configKey = KEYS[1], KEYS[2], KEYS[3]
local args = named(ARGV)
local now = clock(args.offset)
local task, flat = hash(taskKey)
if not task.status then return {'gone'} end
if task.run ~= args.run then return {'stale'} end
if TERMINAL[task.status] then return {'already', task.dels or ''} end
local mine = args.run .. '.' .. args.attempt
local calls = string.match(task.call or '', '^' .. args.run .. '%.' .. args.attempt .. ' (.*)$')
local known = calls and string.find(' ' .. calls .. ' ', ' ' .. args.message .. ' ', 1, true)
local function published() return {'published', integer(now), redis.call('GET', configKey) or '', flat} end
local changes = {}
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
local sequence, till = integer(number(task.seq) + 1), now + args.length
if task.status == 'queued' then
  local attempt = number(args.attempt)
  if attempt ~= number(task.attempt) + 1 or attempt > number(task.max) then return {'stale'} end
  if now >= number(task.deadline) or not MOVES['queued>running'] then return {'stale'} end
  change('status', 'running') change('attempt', args.attempt) change('seq', sequence)
  change('started', task.started or integer(now))
  change('l:' .. sequence, integer(now) .. ' ' .. args.run .. ' task.started worker ')
elseif task.attempt ~= args.attempt then return {'stale'}
elseif known and args.held == '' or task.status == 'waiting' then return published()
else till = math.max(till, number(task['until'])) end
if args.held ~= '' then change('crashes', '0') end
change('until', integer(till)) change('sweep', '')
if not known and args.message ~= '' then
  change('call', mine .. (calls and ' ' .. calls or '') .. ' ' .. args.message)
end
redis.call('ZADD', dueKey, integer(math.min(till + ${LEASE_GRACE}, number(task.deadline))), args.member)
redis.call('HSET', taskKey, unpack(changes))
if task.status == 'queued' then notify(taskKey, task, now, 'running') end
for _, word in ipairs(changes) do flat[#flat + 1] = word end
return published()
`,
);

/**
 * Notes the next poll of a waiting task, and the time until which its answer must arrive. QStash reports a failed poll
 * twice: the first report polls next, and the nonce tells it from the others.
 */
export const RECORD_POLL = script(
  "recordPoll",
  `
-- KEYS
--   due            due set of the partition
--   task           hash of the task
-- ARGV
--   offset         ms added to Redis's clock
--   run, attempt   the attempt that waits
--   number         number of the poll
--   url, service   where it asks
--   length         ms until the answer must be there
--   member         the task's member of the due set
--   nonce          of this caller alone
-- RETURNS
--   polling                 the caller sends this poll
--   stale                   another caller does, or the attempt does not wait
local dueKey, taskKey = KEYS[1], KEYS[2]
local args = named(ARGV)
local now = clock(args.offset)
local task = hash(taskKey)
if task.status ~= 'waiting' or task.run ~= args.run or task.attempt ~= args.attempt then return {'stale'} end
if now >= number(task.deadline) then return {'stale'} end
local at, count = string.match(task.poll or '', '^(%S+) (%d+) ')
if at ~= args.run .. '.' .. args.attempt then return {'stale'} end
local poll = at .. ' ' .. args.number .. ' ' .. args.url .. ' ' .. args.nonce .. ' ' .. args.service
if task.poll == poll then return {'polling'} end
if number(count) + 1 ~= number(args.number) then return {'stale'} end
local by = now + args.length
redis.call('ZADD', dueKey, integer(math.min(by, number(task.deadline))), args.member)
redis.call('HSET', taskKey, 'poll', poll, 'beat', args.length, 'beatby', integer(by), 'sweep', '')
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
      const record = await readTaskFields(context, project, task, fieldsOf(rest[2]));
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
