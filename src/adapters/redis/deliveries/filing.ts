import { INDEX_RETENTION } from "../../../shared/limits.ts";
import { dayOf, hourOf, keysOf } from "../keys.ts";

/**
 * Files a dead letter by the hour of its endpoint, and by the day of all: the release before lists those of the days
 * alone. A time with a fraction says that it is filed by the hour too, so that nobody who reads both counts it twice.
 * Within `together`, what was written is taken back when a command fails.
 */
export const FILING = `
local function fileDead(hour, day, at, id, endpoint)
  local entry = endpoint and endpoint ~= '' and id .. '|' .. endpoint or id
  undone('ZREM', day, entry)
  file(day, at .. '.25', entry, '${INDEX_RETENTION}')
  undone('ZREM', hour, id)
  file(hour, at, id, '${INDEX_RETENTION}')
end
`;

/** Adds the keys that `fileDead` writes for a death at that time: the number of the first, the other follows it. */
export function addDeadLetterKeys(
  keys: string[],
  project: string,
  endpoint: string | undefined,
  at: number,
): number {
  const names = keysOf(project);
  const number = keys.push(names.deadLetters(endpoint, hourOf(at)));
  keys.push(names.oldLetters(dayOf(at)));
  return number;
}
