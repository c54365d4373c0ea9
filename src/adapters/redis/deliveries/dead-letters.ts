import type { DeadLettersAnswer, DeadLettersQuery, Letter } from "../../../ports/commands/delivery.ts";
import type { Denied } from "../../../projects/caller.ts";
import { fault } from "../../../shared/fault-point.ts";
import type { Context } from "../context.ts";
import { dayOf, hourOf, keysOf } from "../keys.ts";
import { isDenial, proofOf } from "../proof.ts";
import { named, type ScriptReply, script } from "../script.ts";

/** An endpoint's dead letters, oldest first. */
export const LIST_DEAD_LETTERS = script(
  "listDeadLetters",
  `
-- KEYS
--   project        hash of the project
--   hours…         the endpoint's dead letters, hour by hour
-- ARGV
--   offset         ms added to Redis's clock
--   key, secret    id of the API key, SHA-256 of its secret
--   since, till    first and last time of death, ms
--   after          entry of the first set after which to go on; empty: at \`since\`
--   most           number of dead letters
-- RETURNS
--   found, <count>, <letters>
--                           how many there are; the first: id, time, id, time…
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks \`endpoints:write\`; there is no such project
local projectKey = KEYS[1]
local args = named(ARGV)
local grant = redis.call('HGET', projectKey, proofField(args.key))
local refusal = denied(grant, args.secret, 'endpoints:write', clock(args.offset))
if refusal then return {refusal} end
local most, count, found = number(args.most), 0, {}
for i = 2, #KEYS do
  local first = 0
  if i == 2 then
    first = args.after ~= '' and redis.call('ZRANK', KEYS[i], args.after)
    first = first and first + 1 or redis.call('ZCOUNT', KEYS[i], '-inf', '(' .. args.since)
  end
  local here = redis.call('ZCOUNT', KEYS[i], '-inf', args.till) - first
  if here > 0 then
    count = count + here
    local wanted = ${fault("reads-every-dead-letter")} and here or math.min(here, most - #found / 2)
    if wanted > 0 then
      local rows = redis.call('ZRANGE', KEYS[i], integer(first), integer(first + wanted - 1), 'WITHSCORES')
      for n = 1, #rows, 2 do
        found[#found + 1] = rows[n]
        found[#found + 1] = integer(number(rows[n + 1]))
      end
    end
  end
end
return {'found', integer(count), found}
`,
);

/**
 * Walks the days in which earlier versions filed the dead letters of all endpoints together: 1,000 entries a call. The
 * entries that this version files there for the release before are in the hours too: their time has a fraction, and this
 * script skips them.
 */
export const OLD_LETTERS = script(
  "listOldDeadLetters",
  `
-- KEYS
--   project        hash of the project
--   days…          dead letters of all endpoints, day by day
-- ARGV
--   offset         ms added to Redis's clock
--   key, secret    id of the API key, SHA-256 of its secret
--   since, till    first and last time of death, ms
--   after          entry of the first set after which to go on; empty: at \`since\`
--   suffix         end of the endpoint's entries
-- RETURNS
--   found, <letters>, <number>, <entry>, <time>
--                           id, time, id, time…; where it stopped: number of the set (0: at the end), entry, time
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks \`endpoints:write\`; there is no such project
local projectKey = KEYS[1]
local args = named(ARGV)
local grant = redis.call('HGET', projectKey, proofField(args.key))
local refusal = denied(grant, args.secret, 'endpoints:write', clock(args.offset))
if refusal then return {refusal} end
local found, left = {}, 1000
for i = 2, #KEYS do
  local first = 0
  if i == 2 then
    first = args.after ~= '' and redis.call('ZRANK', KEYS[i], args.after)
    first = first and first + 1 or redis.call('ZCOUNT', KEYS[i], '-inf', '(' .. args.since)
  end
  local rows = redis.call('ZRANGE', KEYS[i], integer(first), integer(first + left - 1), 'WITHSCORES')
  for n = 1, #rows, 2 do
    local entry, time = rows[n], number(rows[n + 1])
    if time > number(args.till) then return {'found', found, '0', '', ''} end
    local isOnlyHere = time % 1 == 0
    if isOnlyHere and string.sub(entry, -#args.suffix) == args.suffix then
      found[#found + 1] = string.sub(entry, 1, -#args.suffix - 1)
      found[#found + 1] = integer(time)
    end
  end
  left = left - #rows / 2
  if left == 0 then return {'found', found, integer(i - 1), rows[#rows - 1], integer(number(rows[#rows]))} end
end
return {'found', found, '0', '', ''}
`,
);

/** Sets that one call of `dead-letters` looks at, and calls of `old-letters` that one page makes at most. */
const HOURS = 750;
const OLD_CALLS = 10;

const HOUR = 3_600_000;

/** Those of earlier versions first: most of them died before the others. */
export async function listDeadLetters(context: Context, query: DeadLettersQuery): Promise<DeadLettersAnswer> {
  const none: Found = { kind: "found", count: 0, deadLetters: [] };
  const old = query.after?.filed === "by-hour" ? none : await oldLetters(context, query);
  if (old.kind !== "found") return old;
  const most = old.stopped ? 0 : query.most - old.deadLetters.length;
  const rest = await newLetters(context, { ...query, most });
  if (rest.kind !== "found") return rest;
  const found = [...old.deadLetters, ...rest.deadLetters];
  const isFull = found.length === query.most;
  const more = isFull && found.length < old.count + rest.count ? found.at(-1) : undefined;
  const next = isFull && old.stopped ? found.at(-1) : (more ?? old.stopped);
  return { kind: "found", count: old.count + rest.count, deadLetters: found, ...(next && { next }) };
}

type Found = Extract<DeadLettersAnswer, { kind: "found" }> & {
  /** Where the calls of one page ended, when there may be more. */
  readonly stopped?: Letter;
};

async function newLetters(context: Context, query: DeadLettersQuery): Promise<DeadLettersAnswer> {
  const { caller, endpointId, after, until } = query;
  const names = keysOf(caller.project);
  const isHere = after?.filed === "by-hour";
  const since = isHere ? Math.max(query.since, after.at) : query.since;
  const found: Letter[] = [];
  let count = 0;
  for (let hour = hourOf(since); hour <= hourOf(until); hour += HOURS) {
    const length = Math.min(HOURS, hourOf(until) - hour + 1);
    const [code, here, rows] = await context.quick(
      LIST_DEAD_LETTERS,
      [names.project, ...Array.from({ length }, (_, index) => names.deadLetters(endpointId, hour + index))],
      named({
        offset: context.offset,
        ...proofOf(caller),
        since: Math.max(since, hour * HOUR).toFixed(0),
        till: until.toFixed(0),
        after: isHere && hour === hourOf(after.at) ? after.id : "",
        most: query.most - found.length,
      }),
    );
    if (isDenial(code)) return { kind: code };
    count += Number(here);
    found.push(...lettersIn(rows, "by-hour"));
  }
  return { kind: "found", count, deadLetters: found };
}

async function oldLetters(context: Context, query: DeadLettersQuery): Promise<Found | Denied> {
  const { caller, endpointId, until, most } = query;
  const names = keysOf(caller.project);
  const found: Letter[] = [];
  let from = { at: Math.max(query.since, query.after?.at ?? 0), entry: oldEntry(query) };
  for (let call = 0; call < OLD_CALLS; call++) {
    const day = dayOf(from.at);
    const length = Math.max(0, dayOf(until) - day + 1);
    const [code, rows, stopped, entry, at] = await context.quick(
      OLD_LETTERS,
      [names.project, ...Array.from({ length }, (_, index) => names.oldLetters(day + index))],
      named({
        offset: context.offset,
        ...proofOf(caller),
        since: from.at.toFixed(0),
        till: until.toFixed(0),
        after: from.entry,
        suffix: `|${endpointId}`,
      }),
    );
    if (isDenial(code)) return { kind: code };
    found.push(...lettersIn(rows, "by-day"));
    if (stopped === "0") return { kind: "found", count: found.length, deadLetters: found.slice(0, most) };
    from = { at: Number(at), entry: String(entry) };
  }
  const stopped: Letter = { id: from.entry, at: from.at, filed: "by-day" };
  return { kind: "found", count: found.length, deadLetters: found.slice(0, most), stopped };
}

/** The entry of a day after which to go on: a position names the delivery, or the entry itself of another endpoint. */
function oldEntry({ after, endpointId }: DeadLettersQuery): string {
  if (after?.filed !== "by-day") return "";
  return after.id.includes("|") ? after.id : `${after.id}|${endpointId}`;
}

function lettersIn(rows: ScriptReply | undefined, filed: Letter["filed"]): Letter[] {
  const found: Letter[] = [];
  if (!Array.isArray(rows)) return found;
  for (let i = 0; i + 1 < rows.length; i += 2)
    found.push({ id: String(rows[i]), at: Number(rows[i + 1]), filed });
  return found;
}
