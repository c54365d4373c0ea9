import type { DeadLettersAnswer, DeadLettersQuery, Letter } from "../../../ports/delivery-commands.ts";
import type { Denied } from "../../../projects/caller.ts";
import { fault } from "../../../shared/fault-point.ts";
import type { Context } from "../context.ts";
import { dayOf, hourOf, keysOf } from "../keys.ts";
import { proofOf } from "../proof.ts";
import { named, type ScriptReply, script } from "../script.ts";

/**
 * An endpoint's dead letters, oldest first.
 *
 * KEYS: project, then the hours' sets in order.
 * ARGV: named, see below. `after` is the member in the first set after which to go on, `till` the last time.
 * Returns `found`, how many there are, and the first `most` of them: id, time, id, time…
 */
export const LIST_DEAD_LETTERS = script(
  "listDeadLetters",
  `
local a = named(ARGV) -- offset key secret since till after most
local no = denied(redis.call('HGET', KEYS[1], 'k:' .. a.key), a.secret, 'endpoints:write', now(a.offset))
if no then return {no} end
local most, count, found = num(a.most), 0, {}
for i = 2, #KEYS do
  local first = 0
  if i == 2 then
    first = a.after ~= '' and redis.call('ZRANK', KEYS[i], a.after)
    first = first and first + 1 or redis.call('ZCOUNT', KEYS[i], '-inf', '(' .. a.since)
  end
  local here = redis.call('ZCOUNT', KEYS[i], '-inf', a.till) - first
  if here > 0 then
    count = count + here
    local wanted = ${fault("reads-every-dead-letter")} and here or math.min(here, most - #found / 2)
    if wanted > 0 then
      local rows = redis.call('ZRANGE', KEYS[i], ms(first), ms(first + wanted - 1), 'WITHSCORES')
      for j = 1, #rows, 2 do
        found[#found + 1] = rows[j]
        found[#found + 1] = ms(num(rows[j + 1]))
      end
    end
  end
end
return {'found', ms(count), found}
`,
);

/**
 * Walks the days in which earlier versions filed the dead letters of all endpoints together: 1,000 entries a call. What
 * this version files there, for the release before, lies in the hours too: its time has a fraction, and it is passed over.
 *
 * KEYS: project, then the days' sets in order.
 * Returns `found`, the endpoint's dead letters (id, time, id, time…), and where it stopped: the number of the set, the entry
 * and its time; 0 when it came to the end.
 */
export const OLD_LETTERS = script(
  "listOldDeadLetters",
  `
local a = named(ARGV) -- offset key secret since till after suffix
local no = denied(redis.call('HGET', KEYS[1], 'k:' .. a.key), a.secret, 'endpoints:write', now(a.offset))
if no then return {no} end
local found, left = {}, 1000
for i = 2, #KEYS do
  local first = 0
  if i == 2 then
    first = a.after ~= '' and redis.call('ZRANK', KEYS[i], a.after)
    first = first and first + 1 or redis.call('ZCOUNT', KEYS[i], '-inf', '(' .. a.since)
  end
  local rows = redis.call('ZRANGE', KEYS[i], ms(first), ms(first + left - 1), 'WITHSCORES')
  for j = 1, #rows, 2 do
    if num(rows[j + 1]) > num(a.till) then return {'found', found, '0', '', ''} end
    local isOnlyHere = num(rows[j + 1]) % 1 == 0
    if isOnlyHere and string.sub(rows[j], -#a.suffix) == a.suffix then
      found[#found + 1] = string.sub(rows[j], 1, -#a.suffix - 1)
      found[#found + 1] = ms(num(rows[j + 1]))
    end
  end
  left = left - #rows / 2
  if left == 0 then return {'found', found, ms(i - 1), rows[#rows - 1], ms(num(rows[#rows]))} end
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
    if (code === "unauthenticated" || code === "forbidden") return { kind: code };
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
    if (code === "unauthenticated" || code === "forbidden") return { kind: code };
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
