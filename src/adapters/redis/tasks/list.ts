import type { ListAnswer, TaskFilter, TaskPosition } from "../../../ports/list-commands.ts";
import type { ApiKey } from "../../../projects/principal.ts";
import type { TaskStatus } from "../../../tasks/status.ts";
import type { Context } from "../context.ts";
import { hourOf, keysOf } from "../keys.ts";
import { proofOf } from "../proof.ts";
import { named, type ScriptReply, script } from "../script.ts";
import { pairHash } from "./search.ts";

/** The hours in which a project's tasks were accepted, newest first. */
export const HOURS = script(
  "hours",
  `
local hours, newest, oldest, most = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
return redis.call('ZREVRANGEBYSCORE', hours, newest, oldest, 'LIMIT', '0', most)
`,
);

/**
 * Walks a project's indexes, newest first: per hour the one that is walked and those in which a task must lie too.
 * Ends with enough tasks or when it has looked at its budget of entries, and says where it ended.
 */
export const PAGE = script(
  "page",
  `
local proj = KEYS[1]
local a, at = named(ARGV) -- offset key secret most budget before id newest oldest type beside names
local p = redis.call('HGET', proj, 'k:' .. a.key)
local no = denied(p, a.secret, 'tasks:read', now(a.offset))
if no then return {no} end
if at <= #ARGV then
  local search = redis.call('HGET', proj, 'search') or ''
  for i = at, #ARGV do
    if not string.find(',' .. search .. ',', ',' .. ARGV[i] .. ',', 1, true) then return {'unsearchable', ARGV[i], search} end
  end
end
local most, budget, beside = num(a.most), num(a.budget), num(a.beside)
local found, seen, score, member = {}, 0, '', ''
local suffix = a.type ~= '' and '|' .. a.type
local function wanted(row, group)
  if suffix and string.sub(row, -#suffix) ~= suffix then return false end
  for i = group + 1, group + beside do
    if not redis.call('ZSCORE', KEYS[i], row) then return false end
  end
  return true
end
for group = 2, #KEYS, 1 + beside do
  local skip = 0
  while true do
    local chunk = math.min(budget - seen + 1, suffix and 500 or most)
    local rows = redis.call('ZREVRANGEBYSCORE', KEYS[group], a.newest, a.oldest, 'WITHSCORES', 'LIMIT', ms(skip), ms(chunk))
    for j = 1, #rows, 2 do
      local later = a.before ~= '' and num(rows[j + 1]) == num(a.before) and rows[j] >= a.id
      if not later then
        if #found == 2 * most or seen == budget then return {'found', found, score, member, ms(seen)} end
        seen, score, member = seen + 1, rows[j + 1], rows[j]
        if wanted(rows[j], group) then
          found[#found + 1] = rows[j]
          found[#found + 1] = ms(num(rows[j + 1]))
        end
      end
    end
    if #rows < 2 * chunk then break end
    skip = skip + chunk
  end
end
return {'found', found, '', '', ms(seen)}
`,
);

/** Those tasks that have a status now, by their numbers; asks no further when it has enough. */
export const STATUSES = script(
  "statuses",
  `
local offset, wanted, most = ARGV[1], ARGV[2], num(ARGV[3])
local t, found = now(offset), {}
local stored = wanted == 'scheduled' and 'queued' or wanted
for i = 1, #KEYS do
  if #found == most then break end
  local fits = redis.call('HGET', KEYS[i], 'status') == stored
  if fits and stored == 'queued' then
    local ahead = num(redis.call('HGET', KEYS[i], 'start')) > t and redis.call('HGET', KEYS[i], 'attempt') == '0'
    fits = ahead == (wanted == 'scheduled')
  end
  if fits then found[#found + 1] = ms(i) end
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
  caller: ApiKey,
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
  const groups = await groupsOf(names, searched, status, pairs);
  const beside = (groups[0]?.length ?? 1) - 1;
  const [code, rows, ...rest] = await context.quick(
    PAGE,
    [names.project, ...groups.flat()],
    [
      ...named({
        offset: context.offset,
        ...proofOf(caller),
        most: isAsked ? PAGE_ASKED : limit + 1,
        budget: isAsked || beside > 0 ? PAGE_ASKED : PAGE_ENTRIES,
        before: before?.at ?? "",
        id: before?.id ?? "",
        newest: Number.isFinite(newest) ? newest : "+inf",
        oldest: filter.after === undefined ? "-inf" : filter.after + 1,
        type: filter.type ?? "",
        beside,
      }),
      ...pairs.map(([name]) => name),
    ],
  );
  if (code === "unauthenticated" || code === "forbidden") return { kind: code };
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
    [
      Number.isFinite(newest) ? hourOf(newest) : "+inf",
      after === undefined ? "-inf" : hourOf(after + 1),
      PAGE_HOURS + 1,
    ],
  );
  return hours.map(Number);
}

/** Per hour the index with the fewest entries, and the others in which a task must lie. */
async function groupsOf(
  names: ReturnType<typeof keysOf>,
  hours: readonly number[],
  status: TaskStatus | undefined,
  pairs: readonly (readonly [string, string])[],
): Promise<readonly (readonly string[])[]> {
  const hashes = await Promise.all(pairs.map(([name, value]) => pairHash(name, value)));
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
  caller: ApiKey,
  positions: readonly TaskPosition[],
  wanted: TaskStatus,
  most: number,
): Promise<readonly TaskPosition[]> {
  if (positions.length === 0) return [];
  const names = keysOf(caller.project);
  const keys = positions.map(({ id }) => names.task(id));
  const numbers = await context.quick(STATUSES, keys, [context.offset, wanted, most]);
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
