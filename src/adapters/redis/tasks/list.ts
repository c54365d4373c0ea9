import type { ListAnswer, TaskFilter, TaskPosition } from "../../../ports/commands/list.ts";
import { type Client, type System, system } from "../../../projects/principal.ts";
import type { TaskRecord } from "../../../tasks/record.ts";
import type { TaskStatus } from "../../../tasks/status.ts";
import type { Context } from "../context.ts";
import { hourOf, keysOf } from "../keys.ts";
import { isDenial, proofOf } from "../proof.ts";
import { named, type ScriptReply, script } from "../script.ts";
import { readTasks } from "./read.ts";
import { pairHash } from "./search.ts";

/** The hours in which a project's tasks were accepted, or the tasks of an hour, newest first. */
export const HOURS = script(
  "hours",
  `
-- KEYS
--   hours          hours that have tasks
-- ARGV
--   newest, oldest
--                  last and first hour, \`+inf\` and \`-inf\` for none
--   most           number of hours
-- RETURNS
--   <hour>, …               newest first
local hoursKey = KEYS[1]
local args = named(ARGV)
return redis.call('ZREVRANGEBYSCORE', hoursKey, args.newest, args.oldest, 'LIMIT', '0', args.most)
`,
);

/**
 * Walks a project's indexes, newest first: per hour the one that is walked and those in which a task must lie too.
 * Ends with enough tasks or when it has looked at its budget of entries, and says where it ended.
 */
export const PAGE = script(
  "page",
  `
-- KEYS
--   project        hash of the project
--   indexes…       per hour: the index that is walked, and \`others\` in which a task must lie too
-- ARGV
--   offset         ms added to Redis's clock
--   key, secret    id of the API key, SHA-256 of its secret; empty: no API key is checked
--   most           number of tasks
--   budget         number of entries that are looked at
--   before, id     time and id of the task after which the page begins; empty: at the newest
--   newest, oldest
--                  last and first time of creation, ms; \`+inf\` and \`-inf\` for none
--   type           only this type; empty: all
--   others         number of further indexes per hour
--   …              the metadata names that are searched
-- RETURNS
--   found, <tasks>, <score>, <member>, <seen>
--                           entry, creation, entry, creation…; the last entry looked at, when more are left; how many
--                           were looked at
--   unsearchable, <name>, <names>
--                           the project is not searched by this name, but by those
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks \`tasks:read\`; there is no such project
local projectKey = KEYS[1]
local args, rest = named(ARGV)
if args.key ~= '' then
  local grant = redis.call('HGET', projectKey, proofField(args.key))
  local refusal = denied(grant, args.secret, 'tasks:read', clock(args.offset))
  if refusal then return {refusal} end
end
if rest <= #ARGV then
  local search = redis.call('HGET', projectKey, 'search') or ''
  for i = rest, #ARGV do
    local isSearched = string.find(',' .. search .. ',', ',' .. ARGV[i] .. ',', 1, true)
    if not isSearched then return {'unsearchable', ARGV[i], search} end
  end
end
local most, budget, others = number(args.most), number(args.budget), number(args.others)
local found, seen, score, member = {}, 0, '', ''
local suffix = args.type ~= '' and '|' .. args.type
local function wanted(row, group)
  if suffix and string.sub(row, -#suffix) ~= suffix then return false end
  for i = group + 1, group + others do
    if not redis.call('ZSCORE', KEYS[i], row) then return false end
  end
  return true
end
for group = 2, #KEYS, 1 + others do
  local skip = 0
  while true do
    local chunk = math.min(budget - seen + 1, suffix and 500 or most)
    local rows = redis.call('ZREVRANGEBYSCORE', KEYS[group], args.newest, args.oldest, 'WITHSCORES',
      'LIMIT', integer(skip), integer(chunk))
    for i = 1, #rows, 2 do
      local row, created = rows[i], rows[i + 1]
      local later = args.before ~= '' and number(created) == number(args.before) and row >= args.id
      if not later then
        if #found == 2 * most or seen == budget then return {'found', found, score, member, integer(seen)} end
        seen, score, member = seen + 1, created, row
        if wanted(row, group) then
          found[#found + 1] = row
          found[#found + 1] = integer(number(created))
        end
      end
    end
    if #rows < 2 * chunk then break end
    skip = skip + chunk
  end
end
return {'found', found, '', '', integer(seen)}
`,
);

/** Those tasks that have a status now, by their numbers; asks no further when it has enough. */
export const STATUSES = script(
  "statuses",
  `
-- KEYS
--   tasks…         hashes of tasks
-- ARGV
--   offset         ms added to Redis's clock
--   status         wanted status, as an API answers it
--   most           number of tasks
-- RETURNS
--   <number>, …             places of those tasks in KEYS
local args = named(ARGV)
local now, most, found = clock(args.offset), number(args.most), {}
local stored = args.status == 'scheduled' and 'queued' or args.status
for i = 1, #KEYS do
  if #found == most then break end
  local fits = redis.call('HGET', KEYS[i], 'status') == stored
  if fits and stored == 'queued' then
    local ahead = number(redis.call('HGET', KEYS[i], 'start')) > now and redis.call('HGET', KEYS[i], 'attempt') == '0'
    fits = ahead == (args.status == 'scheduled')
  end
  if fits then found[#found + 1] = integer(i) end
end
return found
`,
);

/** How many hours one page looks through, and how many index entries: a page may be short and still have a next one. */
export const PAGE_HOURS = 48;
export const PAGE_ENTRIES = 1_000;
/** As many entries when each must be asked for: the task for its status, another index for the entry. */
export const PAGE_ASKED = 300;

const UNHAPPY: readonly TaskStatus[] = ["failed", "canceled", "expired"];

/** Positions of tasks, newest first; stable while tasks are added, because a position is a time and an id. */
export async function listTasks(
  context: Context,
  caller: Client | System,
  before: TaskPosition | undefined,
  limit: number,
  filter: TaskFilter = {},
): Promise<ListAnswer> {
  const newest = Math.min(
    before?.at ?? Number.POSITIVE_INFINITY,
    (filter.before ?? Number.POSITIVE_INFINITY) - 1,
  );
  const names = keysOf(caller.project);
  const hours = await hoursOf(context, names.hours, newest, filter.after);
  const searched = hours.slice(0, PAGE_HOURS);
  const { status } = filter;
  const isAsked = status !== undefined && !UNHAPPY.includes(status);
  const pairs = Object.entries(filter.metadata ?? {});
  const groups = await groupsOf(context, names, searched, status, pairs);
  const others = (groups[0]?.length ?? 1) - 1;
  const [code, rows, ...rest] = await context.quick(
    PAGE,
    [names.project, ...groups.flat()],
    [
      ...named({
        offset: context.offset,
        ...proofOf(caller),
        most: isAsked ? PAGE_ASKED : limit + 1,
        budget: isAsked || others > 0 ? PAGE_ASKED : PAGE_ENTRIES,
        before: before?.at ?? "",
        id: before?.id ?? "",
        newest: Number.isFinite(newest) ? newest : "+inf",
        oldest: filter.after === undefined ? "-inf" : filter.after + 1,
        type: filter.type ?? "",
        others,
      }),
      ...pairs.map(([name]) => name),
    ],
  );
  if (isDenial(code)) return { kind: code };
  if (code === "unsearchable") return { kind: code, name: String(rows), searchable: list(String(rest[0])) };
  const walked = positionsOf(rows);
  const fitting = isAsked ? await ofStatus(context, caller, walked, status, limit + 1) : walked;
  const page = fitting.slice(0, limit);
  const more = fitting.length > limit ? page.at(-1) : undefined;
  const next = more ?? stoppedAt(rest) ?? beyond(hours, searched);
  return { kind: "found", positions: page, ...(next && { next }), visited: Number(rest[2]) };
}

async function hoursOf(context: Context, key: string, newest: number, after: number | undefined) {
  const hours = await context.quick(
    HOURS,
    [key],
    named({
      newest: Number.isFinite(newest) ? hourOf(newest) : "+inf",
      oldest: after === undefined ? "-inf" : hourOf(after + 1),
      most: PAGE_HOURS + 1,
    }),
  );
  return hours.map(Number);
}

/** The newest tasks of a project, from the last hour in which any was accepted; three requests. */
export async function newestTasks(
  context: Context,
  project: string,
  most: number,
): Promise<readonly TaskRecord[]> {
  const names = keysOf(project);
  const [hour] = await context.quick(
    HOURS,
    [names.hours],
    named({ newest: "+inf", oldest: "-inf", most: 1 }),
  );
  if (hour === undefined) return [];
  const args = named({ newest: "+inf", oldest: "-inf", most });
  const members = await context.quick(HOURS, [names.index(Number(hour))], args);
  const ids = members.map((member) => String(member).split("|")[0] ?? "");
  const answer = await readTasks(context, system(project), ids);
  return answer.kind === "found" ? answer.records : [];
}

/** Per hour the index with the fewest entries, and the others in which a task must lie. */
async function groupsOf(
  context: Context,
  names: ReturnType<typeof keysOf>,
  hours: readonly number[],
  status: TaskStatus | undefined,
  pairs: readonly (readonly [string, string])[],
): Promise<readonly (readonly string[])[]> {
  const hashes = await Promise.all(pairs.map(([name, value]) => pairHash(context.hashes, name, value)));
  return hours.map((hour) => {
    const narrow = [
      ...(status !== undefined && UNHAPPY.includes(status) ? [names.ending(hour, status)] : []),
      ...hashes.map((pair) => names.metadata(hour, pair)),
    ];
    return narrow.length > 0 ? narrow : [names.index(hour)];
  });
}

/** Those that have the status now, at most so many; one request, up to three commands for each that is looked at. */
async function ofStatus(
  context: Context,
  caller: Client | System,
  positions: readonly TaskPosition[],
  wanted: TaskStatus,
  most: number,
): Promise<readonly TaskPosition[]> {
  if (positions.length === 0) return [];
  const names = keysOf(caller.project);
  const keys = positions.map(({ id }) => names.task(id));
  const args = named({ offset: context.offset, status: wanted, most });
  const numbers = await context.quick(STATUSES, keys, args);
  return numbers.flatMap((number) => positions[Number(number) - 1] ?? []);
}

/** The last entry that was looked at, when there are more. */
function stoppedAt([score, member]: readonly ScriptReply[]): TaskPosition | undefined {
  return member ? { at: Number(score), id: String(member).split("|")[0] ?? "" } : undefined;
}

/** The hours after those that this page looked through. */
function beyond(hours: readonly number[], searched: readonly number[]): TaskPosition | undefined {
  const oldest = searched.at(-1);
  return hours.length > searched.length && oldest !== undefined
    ? { at: oldest * 3_600_000 - 1, id: "~" }
    : undefined;
}

function positionsOf(rows: ScriptReply | undefined): TaskPosition[] {
  const positions: TaskPosition[] = [];
  if (!Array.isArray(rows)) return positions;
  for (let i = 0; i + 1 < rows.length; i += 2)
    positions.push({ id: String(rows[i]).split("|")[0] ?? "", at: Number(rows[i + 1]) });
  return positions;
}

function list(text: string): readonly string[] {
  return text === "" ? [] : text.split(",");
}
