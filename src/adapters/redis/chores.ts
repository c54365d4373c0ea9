import type { Chore } from "../../ports/commands/sweep.ts";
import { CHORE_GRACE, CHORES, KEYS_LOOKED_OVER } from "../../shared/limits.ts";
import type { Context } from "./context.ts";
import { CIRCUIT } from "./deliveries/circuit.ts";
import { choresKey, keysChore, keysOf } from "./keys.ts";
import { named, script } from "./script.ts";

/** Takes the chores whose time has come, and puts each off: one that fails or is cut off comes up again. */
export const TAKE_CHORES = script(
  "takeChores",
  `
-- KEYS
--   chores         chores of the partition
-- ARGV
--   offset         ms added to Redis's clock
-- RETURNS
--   <chore>, …              the longest due first
local choresKey = KEYS[1]
local args = named(ARGV)
local now, later = clock(args.offset), {}
local taken = redis.call('ZRANGEBYSCORE', choresKey, '-inf', integer(now), 'LIMIT', '0', '${CHORES}')
for i, chore in ipairs(taken) do later[2 * i - 1] = integer(now + ${CHORE_GRACE}); later[2 * i] = chore end
if #taken > 0 then redis.call('ZADD', choresKey, unpack(later)) end
return taken
`,
);

/**
 * Looks over the next fields of a project's hash and removes API keys that have expired and circuits whose memory is
 * over. `purge` says where to go on, and when the next key expires of those that were seen.
 */
export const PURGE = script(
  "purge",
  `
-- KEYS
--   project        hash of the project
--   chores         chores of the partition
-- ARGV
--   offset         ms added to Redis's clock
--   chore          the project's member of the chores
--   most           number of API keys that may be removed
-- RETURNS
--   <count>                 API keys that were removed
${CIRCUIT}
local projectKey, choresKey = KEYS[1], KEYS[2]
local args = named(ARGV)
local now, chore, most = clock(args.offset), args.chore, number(args.most)
if redis.call('EXISTS', projectKey) == 0 then
  redis.call('ZREM', choresKey, chore)
  return {integer(0)}
end
local cursor, soonest = string.match(redis.call('HGET', projectKey, 'purge') or '', '^(%d+) (%d+)$')
cursor, soonest = cursor or '0', tonumber(soonest or integer(now + 86400000))
local page = redis.call('HSCAN', projectKey, cursor, 'COUNT', '${KEYS_LOOKED_OVER}')
local gone, keys, isFull = {}, 0, false
for i = 1, #page[2], 2 do
  local name, text = page[2][i], page[2][i + 1]
  local kind = string.sub(name, 1, 2)
  local expires = kind == 'k:' and number(string.match(text, '^%S+ (%S+)')) or 0
  if expires > now then soonest = math.min(soonest, expires)
  elseif expires > 0 and keys == most then isFull = true
  elseif expires > 0 or kind == 'b:' and not circuitOf(text, now) then
    if expires > 0 then keys = keys + 1 end
    gone[#gone + 1] = name
  end
end
local after = isFull and cursor or page[1]
redis.call('ZADD', choresKey, integer(after == '0' and not isFull and soonest or now), chore)
if after == '0' then gone[#gone + 1] = 'purge'
else redis.call('HSET', projectKey, 'purge', after .. ' ' .. integer(soonest)) end
for i = 1, #gone, 1000 do redis.call('HDEL', projectKey, unpack(gone, i, math.min(i + 999, #gone))) end
return {integer(keys)}
`,
);

export async function takeChores(context: Context, partition: number): Promise<readonly Chore[]> {
  const args = named({ offset: context.offset });
  const taken = await context.worker(TAKE_CHORES, [choresKey(partition)], args);
  return taken.flatMap((member): Chore[] => {
    const [kind, project, task] = String(member).split("|");
    if (kind === "e" && project && task) return [{ kind: "erase", project, task }];
    if (kind === "r" && project) return [{ kind: "resume", project }];
    return kind === "k" && project ? [{ kind: "purge", project }] : [];
  });
}

/** Removes at most so many expired API keys of a project; says how many it did. */
export async function purgeKeys(context: Context, project: string, most: number): Promise<number> {
  const names = keysOf(project);
  const args = named({ offset: context.offset, chore: keysChore(project), most });
  const [count] = await context.worker(PURGE, [names.project, names.chores], args);
  return Number(count);
}
