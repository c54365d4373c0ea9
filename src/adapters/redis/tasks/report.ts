import type {
  AnnounceAnswer,
  AnnounceCommand,
  ReportAnswer,
  ReportCommand,
} from "../../../ports/commands/task.ts";
import { PROGRESS_EVENT_INTERVAL } from "../../../shared/limits.ts";
import type { TerminalStatus } from "../../../tasks/status.ts";
import type { Context } from "../context.ts";
import { heldOf, OPENING, openingArgs } from "../deliveries/opening.ts";
import { readTaskFields } from "../fields.ts";
import { deliveryMember, keysOf, taskMember } from "../keys.ts";
import { configOf } from "../projects/config.ts";
import { fieldsOf, named, script } from "../script.ts";

/** A task token's bearer is alive, and may say how far it is: its own clock, apart from the lease's. */
export const REPORT = script(
  "report",
  `
-- KEYS
--   due            due set of the partition
--   task           hash of the task
--   config         configuration of the project
-- ARGV
--   offset         ms added to Redis's clock
--   run, attempt   the attempt that the token is for
--   member         the task's member of the due set
--   progress       JSON of the progress; empty: only alive
-- RETURNS
--   reported, <now>, <deadline>
--                           noted
--   reported, <now>, <deadline>, <config>, <task>
--                           noted, and an event of it is due; \`<version> <JSON>\`; fields and values
--   gone                    there is no such task
--   stale                   the attempt is over
--   ended, <status>         the task has ended, or its deadline has passed
local dueKey, taskKey, configKey = KEYS[1], KEYS[2], KEYS[3]
local args = named(ARGV)
local now = clock(args.offset)
local task, flat = hash(taskKey)
if not task.status then return {'gone'} end
if task.run ~= args.run or task.attempt ~= args.attempt then return {'stale'} end
if TERMINAL[task.status] then return {'ended', task.status} end
if now >= number(task.deadline) then return {'ended', 'expired'} end
if task.status == 'queued' then return {'stale'} end
local changes = {'sweep', ''}
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
if number(task.beat) > 0 then
  local by = now + task.beat
  local look = integer(math.min(by, number(task.deadline)))
  if task.status == 'waiting' then redis.call('ZADD', dueKey, look, args.member) end
  change('beatby', integer(by))
end
if args.progress ~= '' then
  local said = string.sub(args.progress, 1, -2)
  change('progress', said .. (said == '{' and '' or ',') .. '"at":' .. integer(now) .. '}')
end
redis.call('HSET', taskKey, unpack(changes))
if args.progress ~= '' then notify(taskKey, task, now) end
if args.progress == '' or now - number(task.pat) < ${PROGRESS_EVENT_INTERVAL} then
  return {'reported', integer(now), task.deadline}
end
for _, word in ipairs(changes) do flat[#flat + 1] = word end
return {'reported', integer(now), task.deadline, redis.call('GET', configKey) or '', flat}
`,
);

/**
 * Opens the delivery of an event that does not change the task: it has started, or tells of its progress. Of the
 * latter a task keeps one, the newest: what it overtook is dropped.
 */
export const ANNOUNCE = script(
  "announce",
  `
-- KEYS
--   due            due set of the partition
--   task           hash of the task
--   project        hash of the project
--   delivery       hash of the first delivery
--   deliveries…    further keys that \`open\` writes; then the overtaken deliveries
-- ARGV
--   offset         ms added to Redis's clock
--   run, attempt   the attempt that the event is of
--   lease          name of the lease; empty: its holder need not be the caller
--   ids            ids of the deliveries, with commas
--   shared         names of the bodies that they share, with commas
--   count          number of deliveries
--   once           1: of progress, the newest overtakes the others; else empty
--   first          lease of the first delivery
--   newest         ids of the deliveries of progress, as the caller read them, with commas
--   overtaken      place of the first overtaken delivery in KEYS; 0: none
--   entry          members of deliveries in the due set, without the id
--   …              what \`open\` reads
-- RETURNS
--   opened, <now>, <held>   the caller sends them; \`<id>:<ms>,…\` of deliveries held back
--   opened, <now>           the same, of progress; or this was sent before
--   known, <now>            another call has opened them
--   early                   the last event of progress is too recent
--   changed, <ids>          these are the newest deliveries of progress
--   stale                   the attempt is over, or not the caller's
${OPENING}
local dueKey, taskKey, projectKey, deliveryKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local args, rest = named(ARGV)
local now = clock(args.offset)
local task = hash(taskKey)
if task.run ~= args.run or task.attempt ~= args.attempt then return {'stale'} end
if args.lease ~= '' and (task.status ~= 'running' or task.lease ~= args.lease) then return {'stale'} end
if task.status ~= 'running' and task.status ~= 'waiting' then return {'stale'} end
local known = (task.dels or '') .. ',' .. (task.pdel or '')
for id in string.gmatch(args.ids, '[^,]+') do
  if string.find(known, id, 1, true) then
    return {redis.call('HGET', deliveryKey, 'lease') == args.first and 'opened' or 'known', integer(now)}
  end
end
if args.once == '' then
  local changes = {'dels', (task.dels or '') == '' and args.ids or task.dels .. ',' .. args.ids}
  if args.shared ~= '' then
    changes[3] = 'evs'
    changes[4] = (task.evs or '') == '' and args.shared or task.evs .. ',' .. args.shared
  end
  local project, held, circuits = some(projectKey, placesOf(ARGV, rest, number(args.count), {}))
  together(function()
    held, circuits = open(dueKey, projectKey, now, integer(now), ARGV, rest, number(args.count), project)
    if #circuits > 0 then redis.call('HSET', projectKey, unpack(circuits)) end
    redis.call('HSET', taskKey, unpack(changes))
  end)
  return {'opened', integer(now), held}
end
if now - number(task.pat) < ${PROGRESS_EVENT_INTERVAL} then return {'early'} end
if (task.pdel or '') ~= args.newest then return {'changed', task.pdel or ''} end
together(function()
  open(dueKey, projectKey, now, integer(now), ARGV, rest, number(args.count))
  redis.call('HSET', taskKey, 'pdel', args.ids, 'pat', integer(now))
end)
if number(args.overtaken) > 0 then
  local entries = {}
  for id in string.gmatch(task.pdel, '[^,]+') do entries[#entries + 1] = args.entry .. id end
  redis.call('ZREM', dueKey, unpack(entries))
  redis.call('DEL', unpack(KEYS, number(args.overtaken)))
end
return {'opened', integer(now)}
`,
);

export async function report(context: Context, command: ReportCommand): Promise<ReportAnswer> {
  const { project, task } = command;
  const names = keysOf(project);
  const [code, now, deadlineAt, config, flat] = await context.quick(
    REPORT,
    [names.due, names.task(task), names.config],
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
      return { kind: code };
    case "ended":
      return { kind: code, status: String(now) as TerminalStatus }; // the script checked it against TERMINAL
    case "reported": {
      const record = flat ? await readTaskFields(context, project, task, fieldsOf(flat)) : undefined;
      return {
        kind: code,
        now: Number(now),
        deadlineAt: Number(deadlineAt),
        ...(record && { record, config: configOf(config) }),
      };
    }
    default:
      throw new Error(`report answered "${code}"`);
  }
}

export async function announce(context: Context, command: AnnounceCommand): Promise<AnnounceAnswer> {
  const { record, deliveries } = command;
  const { project, id } = record;
  const [first] = deliveries;
  if (!first) throw new Error("announce was given nothing to open");
  const names = keysOf(project);
  const keys = [names.due, names.task(id), names.project];
  const { args, bodies } = await openingArgs(context, keys, project, deliveries);
  const overtaken = first.once ? record.progressDeliveries : [];
  const firstOvertaken = overtaken.length > 0 ? keys.length + 1 : 0;
  keys.push(...overtaken.map((delivery) => names.delivery(delivery)));
  const [code, rest, held] = await context.worker(ANNOUNCE, keys, [
    ...named({
      offset: context.offset,
      run: record.run,
      attempt: record.attempt,
      lease: command.lease ?? "",
      ids: deliveries.map((delivery) => delivery.id).join(","),
      shared: bodies.join(","),
      count: deliveries.length,
      once: first.once ? "1" : "",
      first: first.lease?.id ?? "",
      newest: overtaken.join(","),
      overtaken: firstOvertaken,
      entry: deliveryMember(project, ""),
    }),
    ...args,
  ]);
  switch (code) {
    case "opened":
      return { kind: code, now: Number(rest), held: heldOf(held) };
    case "changed":
      return { kind: code, newest: String(rest).split(",").filter(Boolean) };
    case "known":
    case "stale":
    case "early":
      return { kind: code };
    default:
      throw new Error(`announce answered "${code}"`);
  }
}
