import { INDEX_MARGIN } from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { dayOf, hourOf, keysOf } from "../keys.ts";

/**
 * Files a dead letter by the hour of its endpoint, and where a day is given by the day of all: the release before lists
 * those of the days alone. A time with a fraction says that it is filed by the hour too: a reader of both counts it once.
 * Within `together`, what was written is taken back when a command fails.
 */
export const FILING = `
-- Counts the dead deliveries of a project that were not sent again.
local function countDead(projectKey, count)
  undone('HINCRBY', projectKey, 'dead', integer(-count))
  redis.call('HINCRBY', projectKey, 'dead', integer(count))
end
-- kept is for how many ms the delivery is kept.
local function fileDead(hourKey, dayKey, at, id, kept, endpoint)
  local ttl = integer(number(kept) + ${INDEX_MARGIN})
  if dayKey then
    local entry = endpoint and endpoint ~= '' and id .. '|' .. endpoint or id
    undone('ZREM', dayKey, entry)
    fileFor(dayKey, at .. '.25', entry, ttl)
  end
  undone('ZREM', hourKey, id)
  fileFor(hourKey, at, id, ttl)
end
`;

/** Adds the keys that `fileDead` writes for a death at that time; answers their numbers, 0 for a day that is not written. */
export function addDeadLetterKeys(
  { filesByDay }: Pick<Context, "filesByDay">,
  keys: string[],
  project: string,
  endpoint: string | undefined,
  at: number,
): { readonly deadLetters: number; readonly day: number } {
  const names = keysOf(project);
  const deadLetters = keys.push(names.deadLetters(endpoint, hourOf(at)));
  return { deadLetters, day: filesByDay() ? keys.push(names.oldLetters(dayOf(at))) : 0 };
}
