import type { OpenTask } from "../../../ports/stores/figures-store.ts";
import type { Context } from "../context.ts";
import { dueKey, keysOf, parseMember, WAITING } from "../keys.ts";
import { fieldsOf, named, type ScriptReply, script } from "../script.ts";

/** The members of a due set that are tasks. */
export const OPEN_TASKS = script(
  "openTasks",
  `
-- KEYS
--   due            due set of the partition
-- ARGV
--   from, most     rank of the first member that is looked at, and how many are
--   prefix         how the wanted members begin
-- RETURNS
--   <seen>, <member>, …     how many were looked at; the wanted ones
local dueKey = KEYS[1]
local args = named(ARGV)
local members = redis.call('ZRANGE', dueKey, args.from, integer(args.from + args.most - 1))
local answer = {integer(#members)}
for _, member in ipairs(members) do
  if string.sub(member, 1, #args.prefix) == args.prefix then answer[#answer + 1] = member end
end
return answer
`,
);

/** The states of some tasks. */
export const STATES = script(
  "states",
  `
-- KEYS
--   tasks…         hashes of tasks
-- ARGV
--   (none)
-- RETURNS
--   <state>, …              per task: names and values; empty for one that does not exist
local names = {'status', 'run', 'attempt', 'start', 'created', 'next', 'parked'}
local answer = {}
for i = 1, #KEYS do
  local task, state = some(KEYS[i], names), {}
  for name, value in pairs(task) do state[#state + 1] = name; state[#state + 1] = value end
  answer[i] = state
end
return answer
`,
);

/** The tasks that the sweeps saw waiting for their start, and that have started since. */
export const STARTED = script(
  "started",
  `
-- KEYS
--   waiting        tasks that wait for their start
-- ARGV
--   most           number of members that are read
--   …              members that no longer wait
-- RETURNS
--   <member>, <start>, …    those that wait, the longest first
local waitingKey = KEYS[1]
local args, rest = named(ARGV)
if rest <= #ARGV then redis.call('ZREM', waitingKey, unpack(ARGV, rest)) end
return redis.call('ZRANGE', waitingKey, '0', integer(args.most - 1), 'WITHSCORES')
`,
);

/** Members of a due set that one request looks at, and how many requests look at most. */
const CHUNK = 1_000;
const CHUNKS = 10;

/** Open tasks whose state is read. */
const SAMPLE = 1_000;

/** Some open tasks of a partition; a due set has an entry for each. */
export async function openTasks(context: Context, partition: number, project?: string) {
  const members = new Set<string>();
  let complete = false;
  for (let chunk = 0; chunk < CHUNKS && !complete && members.size <= SAMPLE; chunk++) {
    const prefix = project === undefined ? "t|" : `t|${project}|`;
    const args = named({ from: chunk * CHUNK, most: CHUNK, prefix });
    const [seen, ...found] = await context.quick(OPEN_TASKS, [dueKey(partition)], args);
    for (const member of found) members.add(String(member));
    complete = Number(seen) < CHUNK;
  }
  const sample = [...members].slice(0, SAMPLE);
  const states = await statesOf(context, sample);
  const tasks = states.flatMap((state): OpenTask[] => {
    const { status } = state;
    if (status !== "queued" && status !== "running" && status !== "waiting") return [];
    return [
      {
        status,
        attempt: Number(state["attempt"]),
        startsAt: Number(state["start"]),
        createdAt: Number(state["created"]),
      },
    ];
  });
  return { tasks, complete: complete && members.size <= SAMPLE };
}

/** Waiting tasks that are read at a time, and how often. */
const WAITING_READ = 100;
const WAITING_ROUNDS = 10;

/**
 * The earliest start among the tasks that the sweeps saw waiting. Those that have started since are removed from the
 * list.
 */
export async function oldestWaiting(context: Context, project?: string): Promise<number | undefined> {
  let started: readonly string[] = [];
  const prefix = project === undefined ? "t|" : `t|${project}|`;
  for (let round = 0; round < WAITING_ROUNDS; round++) {
    const args = [...named({ most: project === undefined ? WAITING_READ : CHUNK }), ...started];
    const rows = await context.quick(STARTED, [WAITING], args);
    const waiting = membersIn(rows).filter(({ member }) => member.startsWith(prefix));
    const some = waiting.slice(0, WAITING_READ);
    const states = await statesOf(
      context,
      some.map(({ member }) => member.split(" ")[0] ?? ""),
    );
    const still = some.find(({ member, start }, index) => isWaiting(states[index] ?? {}, member, start));
    if (still) return still.start;
    if (some.length === 0) return undefined;
    started = some.map(({ member }) => member);
  }
  return undefined;
}

function isWaiting(
  { status, run, attempt, next, parked }: Readonly<Record<string, string>>,
  member: string,
  start: number,
): boolean {
  const noted = member.split(" ")[1];
  return status === "queued" && parked !== "1" && `${run}.${attempt}` === noted && Number(next) === start;
}

function membersIn(rows: readonly ScriptReply[]): readonly { member: string; start: number }[] {
  return Array.from({ length: rows.length / 2 }, (_, index) => ({
    member: String(rows[2 * index]),
    start: Number(rows[2 * index + 1]),
  }));
}

/** The states of the tasks that members of a due set name. */
async function statesOf(context: Context, members: readonly string[]) {
  const parsed = members.map(parseMember);
  const keys = parsed.flatMap((one) => (one?.kind === "t" ? [keysOf(one.project).task(one.id)] : []));
  const states = keys.length > 0 ? await context.quick(STATES, keys, []) : [];
  let next = 0;
  return parsed.map((one) => (one?.kind === "t" ? fieldsOf(states[next++]) : {}));
}
