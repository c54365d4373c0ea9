import type { Redis } from "ioredis";
import * as z from "zod";
import { dueKey } from "../../src/adapters/redis/keys.ts";
import { DUE_GRACE } from "../../src/shared/limits.ts";
import { TERMINAL } from "../../src/tasks/status.ts";
import { PLANTED } from "./books.ts";
import type { Audit } from "./history.ts";

/*
 * Looks at everything in Redis, without a gateway, at one moment: as a script of its own, so that no other one is
 * half done. A promise about every state must hold at each look, not only at the end.
 */

/** The pause between two looks at a stalled entry is 30 s, and doubles each time; a small tolerance is allowed. */
const LEAST_PAUSE = DUE_GRACE * 0.9;

const SCRIPT = `
local ended = {delivered = true, dead = true${TERMINAL.map((status) => `, ${status} = true`).join("")}}
local due, seen, open = {}, 0, {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if not string.find(member, '${PLANTED}', 1, true) then due[member] = true end
end
local faults = {undue = {}, mortal = {}, miscounted = {}, hasty = {}}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function fault(kind, what) if #faults[kind] < 20 then table.insert(faults[kind], what) end end
for _, key in ipairs(redis.call('KEYS', 'rb1:000:*')) do
  local project, kind, id = string.match(key, '^rb1:000:([^:]+):([td]):([^:]+)$')
  local isPlanted = string.find(key, '${PLANTED}', 1, true)
  local status = project and not isPlanted and redis.call('HGET', key, 'status')
  if status then
    local member = kind .. '|' .. project .. '|' .. id
    seen = seen + 1
    if not ended[status] and not due[member] then fault('undue', id .. ' is ' .. status .. ' and not due') end
    if ended[status] and due[member] then fault('undue', id .. ' is ' .. status .. ' and still due') end
    due[member] = nil
    local lasts = redis.call('PTTL', key) < 0
    if not ended[status] and not lasts then fault('mortal', id .. ' is ' .. status .. ' and has a TTL') end
    if ended[status] and lasts then fault('mortal', id .. ' is ' .. status .. ' and has no TTL') end
    local looks = string.match(redis.call('HGET', key, 'sweep') or '', '^(%d+) ')
    local age = now - (redis.call('HGET', key, 'created') or now)
    if looks and age < (2 ^ looks - 1) * ${LEAST_PAUSE} then
      fault('hasty', id .. ' was looked at again ' .. looks .. ' times within ' .. age .. ' ms')
    end
    if kind == 't' and not ended[status] then open[project] = (open[project] or 0) + 1 end
  end
end
for member in pairs(due) do fault('undue', member .. ' is due, and there is no such thing') end
for _, key in ipairs(redis.call('KEYS', 'rb1:000:*:proj')) do
  local project = string.match(key, '^rb1:000:([^:]+):proj$')
  local counted, actual = tonumber(redis.call('HGET', key, 'open') or '0'), open[project] or 0
  if counted ~= actual then fault('miscounted', project .. ': ' .. counted .. ' open by the books, ' .. actual .. ' in fact') end
end
return {seen, faults.undue, faults.mortal, faults.miscounted, faults.hasty}
`;

const details = z.array(z.string());
const answer = z.tuple([z.int(), details, details, details, details]);

/** One look; undefined while Redis is away. */
export async function audit(redis: Redis): Promise<Audit | undefined> {
  let found: unknown;
  try {
    found = await redis.eval(SCRIPT, 1, dueKey(0));
  } catch (error) {
    // ReplyError: our own script is wrong, and that would look like a Redis that is always away.
    if (error instanceof Error && error.name === "ReplyError") throw error;
    return undefined;
  }
  const [seen, undue, mortal, miscounted, hasty] = answer.parse(found);
  return { at: Date.now(), seen, undue, mortal, miscounted, hasty };
}
