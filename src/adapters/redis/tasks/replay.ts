import type { ReplayAnswer, ReplayCommand } from "../../../ports/commands/task.ts";
import { actorOf } from "../../../projects/actor.ts";
import {
  DUE_GRACE,
  IDEMPOTENCY_TTL,
  MAX_DELAY,
  TASK_CHANGES,
  TASK_DELIVERIES,
} from "../../../shared/limits.ts";
import { listingOf } from "../../../tasks/retention.ts";
import { isTerminal } from "../../../tasks/status.ts";
import type { Context } from "../context.ts";
import { readTaskFields } from "../fields.ts";
import { hourOf, keysOf, taskMember } from "../keys.ts";
import { proofOf } from "../proof.ts";
import { fieldsOf, named, type Runner, type ScriptReply, script } from "../script.ts";
import { searchablePairs } from "./search.ts";

/**
 * Begins a new run of a task that has ended: what keeps it is lifted from its TTL, and the indexes that list it last as
 * long as a task that was accepted now.
 */
export const REPLAY = script(
  "replay",
  `
-- KEYS
--   due            due set of the partition
--   task           hash of the task
--   project        hash of the project
--   index          tasks accepted in the task's hour
--   hours          hours that have tasks
--   lateHours?     hours whose tasks were replayed late
--   idempotency?   record of the idempotency key
--   input?         a large input
--   ending?        tasks of that hour that ended as this one did
--   metadata…      index of each pair of searched metadata
-- ARGV
--   offset         ms added to Redis's clock
--   key, secret    id of the API key, SHA-256 of its secret
--   nonce          the same when this is sent again
--   sequence       number of state changes, as the caller read it
--   member         the task's member of the due set
--   id             id of the task
--   actor          of the timeline entry
--   hour           the task's hour
--   deadline       ms from now to the deadline
--   kept           ms for which the task is kept when its new run could not be written
--   listed         ms for which its indexes last at least
--   quota          open tasks, where the project has no limit of its own
--   fingerprint    fingerprint of the request under the idempotency key
--   lateHours, idempotency, input, ending
--                  places of these keys in KEYS
--   …              per pair of searched metadata: its name, the place of its index in KEYS
-- RETURNS
--   replayed, <now>, <task> the task is queued again; fields and values
--   missing, <now>          there is no such task
--   pending, <status>       it has not ended
--   changed, <now>, <task>  it has changed since the caller read it
--   expired                 its input is no longer kept
--   quota                   the project has too many open tasks
--   worn                    it has had too many changes or deliveries
--   repeated, <now>, <task> the same request was made under the idempotency key
--   reused, <now>, <task>   another request was made under the idempotency key
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks \`tasks:write\`; there is no such project
local dueKey, taskKey, projectKey, indexKey, hoursKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local args, rest = named(ARGV)
local lateHoursKey, idempotencyKey = KEYS[number(args.lateHours)], KEYS[number(args.idempotency)]
local inputKey, endingKey = KEYS[number(args.input)], KEYS[number(args.ending)]
local now = clock(args.offset)
local grant = proofField(args.key)
local project = some(projectKey, {grant, 'open', 'quota', 'search', 'replays'})
local refusal = denied(project[grant], args.secret, 'tasks:write', now)
if refusal then return {refusal} end
local task, flat = hash(taskKey)
if not task.status then return {'missing', integer(now)} end
-- The indexes come last, and once more when this is sent twice.
local function fileAgain()
  local entry = args.id .. '|' .. task.type
  redis.call('ZADD', hoursKey, args.hour, args.hour)
  -- From there \`accept\` trims it before the task is gone.
  local isLate = now - number(task.created) > ${MAX_DELAY}
  if isLate then fileFor(lateHoursKey, args.hour, args.hour, args.listed) end
  fileFor(indexKey, task.created, entry, args.listed)
  for i = rest, #ARGV, 2 do
    local isSearched = string.find(',' .. (project.search or '') .. ',', ',' .. ARGV[i] .. ',', 1, true)
    if isSearched then fileFor(KEYS[number(ARGV[i + 1])], task.created, entry, args.listed) end
  end
end
if task.again == args.nonce then
  fileAgain()
  return {'replayed', integer(now), flat}
end
local record = idempotencyKey and redis.call('GET', idempotencyKey)
if record then
  local fingerprint = string.match(record, '^(%S+)')
  return {fingerprint == args.fingerprint and 'repeated' or 'reused', integer(now), flat}
end
if not TERMINAL[task.status] or not MOVES[task.status .. '>queued'] then return {'pending', task.status} end
if task.seq ~= args.sequence then return {'changed', integer(now), flat} end
if number(task.expires) <= now or (task.inl and not inputKey) then return {'expired'} end
if number(project.open) >= number(project.quota or args.quota) then return {'quota'} end
if number(task.seq) >= ${TASK_CHANGES} then return {'worn'} end
if #(task.past or '') + #(task.dels or '') >= ${TASK_DELIVERIES} * 31 then return {'worn'} end
local sequence, run, past = integer(number(task.seq) + 1), integer(number(task.run) + 1), task.past or ''
if task.dels and task.dels ~= '' then past = past == '' and task.dels or past .. ',' .. task.dels end
local forgotten = {'out', 'outl', 'err', 'started', 'ended', 'expires', 'progress', 'beat', 'beatby', 'wait', 'msg'}
local before = {}
for _, name in ipairs(forgotten) do
  if task[name] then before[#before + 1] = name; before[#before + 1] = task[name] end
end
together(function()
  undone('ZREM', dueKey, args.member)
  redis.call('ZADD', dueKey, integer(math.min(now + ${DUE_GRACE}, now + args.deadline)), args.member)
  if idempotencyKey then
    undone('DEL', idempotencyKey)
    redis.call('SET', idempotencyKey, args.fingerprint .. ' ' .. args.id, 'PX', '${IDEMPOTENCY_TTL}')
  end
  undone('HSET', projectKey, 'open', project.open or '0', 'replays', project.replays or '0')
  redis.call('HSET', projectKey, 'open', integer(number(project.open) + 1),
    'replays', integer(number(project.replays) + 1))
  undone('PEXPIRE', taskKey, args.kept)
  redis.call('PERSIST', taskKey)
  if inputKey then
    undone('PEXPIRE', inputKey, integer(number(task.expires) - now))
    redis.call('PERSIST', inputKey)
  end
  undone('HSET', taskKey, unpack(before))
  redis.call('HDEL', taskKey, unpack(forgotten))
  redis.call('HSET', taskKey, 'status', 'queued', 'run', run, 'seq', sequence, 'attempt', '0', 'crashes', '0',
    'start', integer(now), 'next', integer(now), 'deadline', integer(now + args.deadline), 'lease', '', 'until', '0',
    'sweep', '', 'dels', '', 'past', past, 'again', args.nonce,
    'l:' .. sequence, integer(now) .. ' ' .. run .. ' task.replayed ' .. args.actor .. ' ')
end)
if endingKey then redis.call('ZREM', endingKey, args.id .. '|' .. task.type) end
fileAgain()
notify(taskKey, task, now, 'queued')
local _, changed = hash(taskKey)
return {'replayed', integer(now), changed}
`,
);

export async function replay(context: Context, command: ReplayCommand): Promise<ReplayAnswer> {
  return answer(context, command, await context.adding(...(await callOf(context, command))));
}

/** Replays many in one request, or in as many as they fit into. */
export async function replayAll(
  context: Context,
  commands: readonly ReplayCommand[],
): Promise<readonly ReplayAnswer[]> {
  const calls = await Promise.all(commands.map((command) => callOf(context, command)));
  const replies = await context.many(calls);
  return Promise.all(commands.map((command, index) => answer(context, command, replies[index] ?? [])));
}

async function callOf(
  { hashes, offset, retention }: Context,
  command: ReplayCommand,
): Promise<Parameters<Runner>> {
  const { caller, record, idempotency } = command;
  const names = keysOf(caller.project);
  const hour = hourOf(record.createdAt);
  const keys = [names.due, names.task(record.id), names.project, names.index(hour), names.hours];
  const searchable = await searchablePairs(hashes, record.metadata);
  const pairs = searchable.flatMap(({ name, pair }) => [name, keys.push(names.metadata(hour, pair))]);
  const ended = isTerminal(record.status) ? record.status : undefined;
  const args = [
    ...named({
      offset,
      nonce: command.nonce,
      ...proofOf(caller),
      sequence: record.sequence,
      member: taskMember(caller.project, record.id),
      id: record.id,
      actor: actorOf(caller),
      hour,
      lateHours: keys.push(names.lateHours),
      deadline: record.options.deadline,
      kept: ended ? Math.max(retention.task[ended], record.options.resultTtl ?? retention.result) : 0,
      listed: listingOf(retention, record.options).length,
      quota: command.maxOpen,
      fingerprint: idempotency?.fingerprint ?? "",
      idempotency: idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0,
      input: record.input.placement === "key" ? keys.push(names.input(record.id)) : 0,
      ending: ended && ended !== "succeeded" ? keys.push(names.ending(hour, ended)) : 0,
    }),
    ...pairs,
  ];
  return [REPLAY, keys, args];
}

async function answer(
  context: Context,
  { caller, record }: ReplayCommand,
  [code, now, flat]: readonly ScriptReply[],
): Promise<ReplayAnswer> {
  switch (code) {
    case "missing":
      return { kind: code, now: Number(now) };
    case "changed":
    case "replayed":
    case "repeated": {
      const found = await readTaskFields(context, caller.project, record.id, fieldsOf(flat));
      if (!found) throw new Error("replay answered without a task");
      return code === "changed"
        ? { kind: code, record: found }
        : { kind: code, now: Number(now), record: found };
    }
    case "pending":
    case "expired":
    case "quota":
    case "worn":
    case "reused":
    case "unauthenticated":
    case "forbidden":
    case "unknown-project":
      return { kind: code };
    default:
      throw new Error(`replay answered "${code}"`);
  }
}
