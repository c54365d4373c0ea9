import type { AnnounceCommand, ReportAnswer, ReportCommand } from "../flow/task-commands.ts";
import type { Context } from "./context.ts";
import { keysOf, taskMember } from "./keys.ts";
import { OPENING, openingWords } from "./opening.ts";
import { named, script } from "./script.ts";

/** A task token's bearer is alive, and may say how far it is: its own clock, apart from the lease's. */
export const REPORT = script(
  "report",
  `
local due, task = KEYS[1], KEYS[2]
local a = named(ARGV) -- offset run attempt member progress
local t = now(a.offset)
local h = hash(task)
if not h.status then return {'gone'} end
if TERMINAL[h.status] then return {'ended', h.status} end
if t >= num(h.deadline) then return {'ended', 'expired'} end
if h.run ~= a.run or h.attempt ~= a.attempt or h.status == 'queued' then return {'stale'} end
local changes = {'sweep', ''}
if num(h.beat) > 0 then
  local by = t + h.beat
  if h.status == 'waiting' then redis.call('ZADD', due, ms(math.min(by, num(h.deadline))), a.member) end
  changes[#changes + 1] = 'beatby'
  changes[#changes + 1] = ms(by)
end
if a.progress ~= '' then
  changes[#changes + 1] = 'progress'
  changes[#changes + 1] = a.progress
end
redis.call('HSET', task, unpack(changes))
if a.progress ~= '' then tell(task, h, t) end
return {'reported', ms(t), h.deadline}
`,
);

/** Opens deliveries of events that do not end the task: it has started, or tells of its progress. */
export const ANNOUNCE = script(
  "announce",
  `${OPENING}
local due, task = KEYS[1], KEYS[2]
local a, at = named(ARGV) -- offset run attempt lease ids deliveries
local t = now(a.offset)
local h = hash(task)
if h.status ~= 'running' or h.run ~= a.run or h.attempt ~= a.attempt or h.lease ~= a.lease then return {'stale'} end
local before = h.dels or ''
if string.find(before, a.ids, 1, true) then return {'opened', ms(t)} end
open(due, t, ms(t), ARGV, at, num(a.deliveries))
redis.call('HSET', task, 'dels', before == '' and a.ids or before .. ',' .. a.ids)
return {'opened', ms(t)}
`,
);

export async function report(context: Context, command: ReportCommand): Promise<ReportAnswer> {
  const { project, task } = command;
  const names = keysOf(project);
  const [code, ...rest] = await context.quick(
    REPORT,
    [names.due, names.task(task)],
    named({
      offset: context.offset,
      run: command.run,
      attempt: command.attempt,
      member: taskMember(project, task),
      progress: command.progress ? JSON.stringify(command.progress) : "",
    }),
  );
  switch (code) {
    case "gone":
    case "stale":
    case "ended":
      return { kind: code };
    case "reported":
      return { kind: code, now: Number(rest[0]), deadlineAt: Number(rest[1]) };
    default:
      throw new Error(`report answered "${code}"`);
  }
}

export async function announce(
  context: Context,
  { record, lease, deliveries }: AnnounceCommand,
): Promise<{ readonly kind: "opened"; readonly now: number } | { readonly kind: "stale" }> {
  const { project, id, run, attempt } = record;
  const names = keysOf(project);
  const keys = [names.due, names.task(id)];
  const words = openingWords(keys, project, id, deliveries);
  const ids = deliveries.map((delivery) => delivery.id).join(",");
  const [code, now] = await context.worker(ANNOUNCE, keys, [
    ...named({ offset: context.offset, run, attempt, lease, ids, deliveries: deliveries.length }),
    ...words,
  ]);
  return code === "opened" ? { kind: code, now: Number(now) } : { kind: "stale" };
}
