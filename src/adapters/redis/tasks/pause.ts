import type { ParkedTask, UnparkAnswer } from "../../../ports/stores/pause-store.ts";
import { fault } from "../../../shared/fault-point.ts";
import { CHORE_GRACE, DUE_GRACE, PARKED_PAGE } from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { keysOf, resumeChore, taskMember } from "../keys.ts";
import { named, script } from "../script.ts";

/** Whether a list of paused types, as JSON, names a type; percent-encoded, or `*` for all of them. */
export const LISTED = `
local function isListed(list, taskType)
  if not list then return false end
  local name = string.gsub(taskType, "[^%w%-_.!~'()]", function(char)
    return string.format('%%%02X', string.byte(char))
  end)
  return string.find(list, '"*"', 1, true) ~= nil or string.find(list, '"' .. name .. '"', 1, true) ~= nil
end
`;

/**
 * Whether a start is held: the configuration begins with the list of the paused types, `*` for all of them. A text of a
 * client has its quotes escaped and cannot look like it.
 */
export const PAUSING = `${LISTED}
local function isPausing(config) return string.match(config or '', '^%d+ {"paused":(%b[])') end
local function isPaused(config, taskType) return isListed(isPausing(config), taskType) end
-- Holds the next attempt: it is due at the deadline, until it is resumed.
local function park(dueKey, parkedKey, taskKey, task, id, member)
  redis.call('ZADD', dueKey, task.deadline, member)
  if not ${fault("parked-unlisted")} then redis.call('ZADD', parkedKey, '0', task.type .. '|' .. id) end
  redis.call('HSET', taskKey, 'parked', '1', 'sweep', '')
end
`;

/** Parked tasks by type and id, from a place on. */
export const PARKED = script(
  "parked",
  `
-- KEYS
--   parked         tasks whose next attempt is held
-- ARGV
--   after          member after which to go on; empty: at the beginning
--   most           number of members
-- RETURNS
--   <member>, …             \`<type>|<task>\`, in their order
local parkedKey = KEYS[1]
local args = named(ARGV)
local from = args.after == '' and '-' or '(' .. args.after
return redis.call('ZRANGEBYLEX', parkedKey, from, '+', 'LIMIT', '0', args.most)
`,
);

/** Lets parked tasks start: each is due now, and the caller publishes it. */
export const UNPARK = script(
  "unpark",
  `
-- KEYS
--   due            due set of the partition
--   parked         tasks whose next attempt is held
--   config         configuration of the project
--   tasks…         hashes of the tasks
-- ARGV
--   offset         ms added to Redis's clock
--   …              per task: its member of the due set, its member of \`parked\`, its type
-- RETURNS
--   <answer>, …             one per task, each of them one of these lists
--   run, <run>, <attempt>, <options>
--                           its attempt is to be published
--   paused                  its type is paused, now or again
--   none                    it is not held any more
${PAUSING}
local dueKey, parkedKey, configKey = KEYS[1], KEYS[2], KEYS[3]
local args, rest = named(ARGV)
local now, config, answers = clock(args.offset), redis.call('GET', configKey), {}
for i = 4, #KEYS do
  local place = rest + 3 * (i - 4)
  local member, entry, taskType = ARGV[place], ARGV[place + 1], ARGV[place + 2]
  local task = some(KEYS[i], {'status', 'run', 'attempt', 'opt', 'parked', 'deadline'})
  local answer = {'none'}
  if task.status == 'queued' and task.parked == '1' then
    if isPaused(config, taskType) then answer = {'paused'}
    else
      redis.call('ZADD', dueKey, integer(math.min(now + ${DUE_GRACE}, number(task.deadline))), member)
      redis.call('HSET', KEYS[i], 'parked', '', 'sweep', '')
      answer = {'run', task.run, integer(number(task.attempt) + 1), task.opt}
    end
  end
  if answer[1] ~= 'paused' then redis.call('ZREM', parkedKey, entry) end
  answers[#answers + 1] = answer
end
return answers
`,
);

/** Ends the chore of a resume when nothing that may start is held any more; otherwise postpones it. */
export const RESUMED = script(
  "resumed",
  `
-- KEYS
--   chores         chores of the partition
--   parked         tasks whose next attempt is held
--   config         configuration of the project
-- ARGV
--   offset         ms added to Redis's clock
--   chore          the project's member of the chores
--   more           1: the caller has left parked tasks; else empty
-- RETURNS
--   <nothing>
${PAUSING}
local choresKey, parkedKey, configKey = KEYS[1], KEYS[2], KEYS[3]
local args = named(ARGV)
local isLeft = args.more == '1' or
  redis.call('EXISTS', parkedKey) == 1 and not isPausing(redis.call('GET', configKey))
if isLeft then redis.call('ZADD', choresKey, integer(clock(args.offset) + ${CHORE_GRACE}), args.chore)
else redis.call('ZREM', choresKey, args.chore) end
return {}
`,
);

/** A page of the parked tasks of a project, by type and id. */
export async function parkedTasks(
  context: Context,
  project: string,
  after: string,
): Promise<readonly ParkedTask[]> {
  const args = named({ after, most: PARKED_PAGE });
  const members = await context.worker(PARKED, [keysOf(project).parked], args);
  return members.map((member): ParkedTask => {
    const text = String(member);
    const bar = text.lastIndexOf("|");
    return { type: text.slice(0, bar), task: text.slice(bar + 1), member: text };
  });
}

/** Lets parked tasks start, in order; each answer says what its caller publishes. */
export async function unpark(
  context: Context,
  project: string,
  tasks: readonly ParkedTask[],
): Promise<readonly UnparkAnswer[]> {
  if (tasks.length === 0) return [];
  const names = keysOf(project);
  const keys = [names.due, names.parked, names.config, ...tasks.map(({ task }) => names.task(task))];
  const answers = await context.worker(UNPARK, keys, [
    ...named({ offset: context.offset }),
    ...tasks.flatMap(({ task, type, member }) => [taskMember(project, task), member, type]),
  ]);
  return answers.map((answer): UnparkAnswer => {
    const [kind, run, attempt, options] = (answer as readonly string[]).map(String); // as the script makes it
    if (kind !== "run") return { kind: kind === "paused" ? kind : "none" };
    return { kind, run: Number(run), attempt: Number(attempt), options: JSON.parse(options ?? "{}") };
  });
}

export async function resumed(context: Context, project: string, more: boolean): Promise<void> {
  const names = keysOf(project);
  const args = named({ offset: context.offset, chore: resumeChore(project), more: more ? "1" : "" });
  await context.worker(RESUMED, [names.chores, names.parked, names.config], args);
}
