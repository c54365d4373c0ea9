import { system } from "../../../projects/principal.ts";
import { MAX_DELAY, PENDING_MARGIN } from "../../../shared/limits.ts";
import type { TaskRecord } from "../../../tasks/record.ts";
import { isTerminal } from "../../../tasks/status.ts";
import type { Context } from "../context.ts";
import { hourOf, keysOf } from "../keys.ts";
import { named, type Runner, script } from "../script.ts";
import { readTasks } from "./read.ts";
import { searchablePairs } from "./search.ts";

/** Keeps an ended task, and the indexes that list it, at least until a time. A longer TTL stays. */
export const KEEP_TASK = script(
  "keepTask",
  `
-- KEYS
--   task           hash of the task
--   lateHours      hours that \`accept\` does not trim
--   indexes…       the indexes that list the task
-- ARGV
--   offset         ms added to Redis's clock
--   till           time until which the task is kept, ms
--   hour           the task's hour
-- RETURNS
--   kept                    it is kept at least so long
--   gone                    there is no such task, or it has not ended
local taskKey, lateHoursKey = KEYS[1], KEYS[2]
local args = named(ARGV)
local now = clock(args.offset)
local left, ttl = redis.call('PTTL', taskKey), number(args.till) - now
if number(left) < 0 then return {'gone'} end
if ttl <= number(left) then return {'kept'} end
-- The indexes first: while the task is not kept longer, this is done once more.
if now - args.hour * 3600000 > ${MAX_DELAY} then fileFor(lateHoursKey, args.hour, args.hour, integer(ttl)) end
for i = 3, #KEYS do redis.call('PEXPIRE', KEYS[i], integer(ttl), 'GT') end
redis.call('PEXPIRE', taskKey, integer(ttl), 'GT')
return {'kept'}
`,
);

/** How long every task with deliveries is kept after its end, with any outcome. */
export function surelyKept({ retention }: Pick<Context, "retention">): number {
  return Math.max(Math.min(...Object.values(retention.task)), PENDING_MARGIN);
}

/** Keeps those tasks that have ended at least until the given times. */
export async function keepTasks(
  context: Context,
  project: string,
  wanted: ReadonlyMap<string, number>,
): Promise<void> {
  const read = await readTasks(context, system(project), [...wanted.keys()]);
  if (read.kind !== "found") return;
  const ended = read.records.filter(({ status }) => isTerminal(status));
  const calls = await Promise.all(ended.map((record) => callOf(context, record, wanted.get(record.id) ?? 0)));
  if (calls.length > 0) await context.many(calls);
}

async function callOf(
  { offset, hashes }: Context,
  { project, id, createdAt, status, metadata }: TaskRecord,
  until: number,
): Promise<Parameters<Runner>> {
  const names = keysOf(project);
  const hour = hourOf(createdAt);
  const pairs = await searchablePairs(hashes, metadata);
  const indexes = [
    names.index(hour),
    ...(status === "succeeded" ? [] : [names.ending(hour, status)]),
    ...pairs.map(({ pair }) => names.metadata(hour, pair)),
  ];
  return [KEEP_TASK, [names.task(id), names.lateHours, ...indexes], named({ offset, till: until, hour })];
}
