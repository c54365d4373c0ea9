import type {
  AnnounceAnswer,
  AnnounceCommand,
  ReportAnswer,
  ReportCommand,
} from "../../../ports/task-commands.ts";
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
local due, task, cfg = KEYS[1], KEYS[2], KEYS[3]
local a = named(ARGV) -- offset run attempt member progress
local t = now(a.offset)
local h, flat = hash(task)
if not h.status then return {'gone'} end
if h.run ~= a.run or h.attempt ~= a.attempt then return {'stale'} end
if TERMINAL[h.status] then return {'ended', h.status} end
if t >= num(h.deadline) then return {'ended', 'expired'} end
if h.status == 'queued' then return {'stale'} end
local changes = {'sweep', ''}
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
if num(h.beat) > 0 then
  local by = t + h.beat
  if h.status == 'waiting' then redis.call('ZADD', due, ms(math.min(by, num(h.deadline))), a.member) end
  change('beatby', ms(by))
end
if a.progress ~= '' then
  local said = string.sub(a.progress, 1, -2)
  change('progress', said .. (said == '{' and '' or ',') .. '"at":' .. ms(t) .. '}')
end
redis.call('HSET', task, unpack(changes))
if a.progress ~= '' then notify(task, h, t) end
if a.progress == '' or t - num(h.pat) < ${PROGRESS_EVENT_INTERVAL} then return {'reported', ms(t), h.deadline} end
for _, word in ipairs(changes) do flat[#flat + 1] = word end
return {'reported', ms(t), h.deadline, redis.call('GET', cfg) or '', flat}
`,
);

/**
 * Opens the delivery of an event that does not change the task: it has started, or tells of its progress. Of the
 * latter a task keeps one, the newest: what it overtook is dropped.
 */
export const ANNOUNCE = script(
  "announce",
  `${OPENING}
local due, task, proj, delivery = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local a, at = named(ARGV) -- offset run attempt lease ids shared count once first newest last entry
local t = now(a.offset)
local h = hash(task)
if h.run ~= a.run or h.attempt ~= a.attempt then return {'stale'} end
if a.lease ~= '' and (h.status ~= 'running' or h.lease ~= a.lease) then return {'stale'} end
if h.status ~= 'running' and h.status ~= 'waiting' then return {'stale'} end
local known = (h.dels or '') .. ',' .. (h.pdel or '')
for id in string.gmatch(a.ids, '[^,]+') do
  if string.find(known, id, 1, true) then
    return {redis.call('HGET', delivery, 'lease') == a.first and 'opened' or 'known', ms(t)}
  end
end
if a.once == '' then
  local changes = {'dels', (h.dels or '') == '' and a.ids or h.dels .. ',' .. a.ids}
  if a.shared ~= '' then
    changes[3] = 'evs'
    changes[4] = (h.evs or '') == '' and a.shared or h.evs .. ',' .. a.shared
  end
  local p, held, circuits = some(proj, placesOf(ARGV, at, num(a.count), {}))
  together(function()
    held, circuits = open(due, t, ms(t), ARGV, at, num(a.count), p)
    if #circuits > 0 then redis.call('HSET', proj, unpack(circuits)) end
    redis.call('HSET', task, unpack(changes))
  end)
  return {'opened', ms(t), held}
end
if t - num(h.pat) < ${PROGRESS_EVENT_INTERVAL} then return {'early'} end
if (h.pdel or '') ~= a.newest then return {'changed', h.pdel or ''} end
together(function()
  open(due, t, ms(t), ARGV, at, num(a.count))
  redis.call('HSET', task, 'pdel', a.ids, 'pat', ms(t))
end)
if num(a.last) > 0 then
  local entries = {}
  for id in string.gmatch(h.pdel, '[^,]+') do entries[#entries + 1] = a.entry .. id end
  redis.call('ZREM', due, unpack(entries))
  redis.call('DEL', unpack(KEYS, num(a.last)))
end
return {'opened', ms(t)}
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
      const record = flat && readTaskFields(project, task, fieldsOf(flat));
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
  const { args, bodies } = openingArgs(context, keys, project, deliveries);
  const overtaken = first.once ? record.progressDeliveries : [];
  const last = overtaken.length > 0 ? keys.length + 1 : 0;
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
      last,
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
