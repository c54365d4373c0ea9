import { PROGRESS_EVENT_INTERVAL } from "../domain/limits.ts";
import type { TerminalStatus } from "../domain/status.ts";
import type { AnnounceAnswer, AnnounceCommand, ReportAnswer, ReportCommand } from "../flow/task-commands.ts";
import type { Context } from "./context.ts";
import { readTaskFields } from "./fields.ts";
import { deliveryMember, keysOf, taskMember } from "./keys.ts";
import { OPENING, openingWords } from "./opening.ts";
import { fieldsOf, named, script } from "./script.ts";

/** A task token's bearer is alive, and may say how far it is: its own clock, apart from the lease's. */
export const REPORT = script(
  "report",
  `
local due, task = KEYS[1], KEYS[2]
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
if a.progress ~= '' then tell(task, h, t) end
-- A false hit costs a few bytes: whoever reads the task knows what was asked for.
local asked = a.progress ~= '' and string.find(h.cb or '', 'task.progress', 1, true)
if not asked or t - num(h.pat) < ${PROGRESS_EVENT_INTERVAL} then return {'reported', ms(t), h.deadline} end
for _, word in ipairs(changes) do flat[#flat + 1] = word end
return {'reported', ms(t), h.deadline, flat}
`,
);

/**
 * Opens the delivery of an event that does not change the task: it has started, or tells of its progress. Of the
 * latter a task keeps one, the newest: what it overtook is dropped.
 */
export const ANNOUNCE = script(
  "announce",
  `${OPENING}
local due, task, delivery = KEYS[1], KEYS[2], KEYS[3]
local a, at = named(ARGV) -- offset run attempt lease id once first newest last entry
local t = now(a.offset)
local h = hash(task)
if h.run ~= a.run or h.attempt ~= a.attempt then return {'stale'} end
if a.lease ~= '' and (h.status ~= 'running' or h.lease ~= a.lease) then return {'stale'} end
if h.status ~= 'running' and h.status ~= 'waiting' then return {'stale'} end
local before = h.dels or ''
if h.pdel == a.id or string.find(before, a.id, 1, true) then
  return {redis.call('HGET', delivery, 'lease') == a.first and 'opened' or 'known', ms(t)}
end
if a.once == '' then
  open(due, t, ms(t), ARGV, at, 1)
  redis.call('HSET', task, 'dels', before == '' and a.id or before .. ',' .. a.id)
  return {'opened', ms(t)}
end
if t - num(h.pat) < ${PROGRESS_EVENT_INTERVAL} then return {'early'} end
if (h.pdel or '') ~= a.newest then return {'changed', h.pdel or ''} end
open(due, t, ms(t), ARGV, at, 1)
if num(a.last) > 0 then
  redis.call('ZREM', due, a.entry)
  redis.call('DEL', KEYS[num(a.last)])
end
redis.call('HSET', task, 'pdel', a.id, 'pat', ms(t))
return {'opened', ms(t)}
`,
);

export async function report(context: Context, command: ReportCommand): Promise<ReportAnswer> {
  const { project, task } = command;
  const names = keysOf(project);
  const [code, now, deadlineAt, flat] = await context.quick(
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
      return { kind: code };
    case "ended":
      return { kind: code, status: String(now) as TerminalStatus }; // the script checked it against TERMINAL
    case "reported": {
      const record = flat && readTaskFields(project, task, fieldsOf(flat));
      return {
        kind: code,
        now: Number(now),
        deadlineAt: Number(deadlineAt),
        ...(record && { record }),
      };
    }
    default:
      throw new Error(`report answered "${code}"`);
  }
}

export async function announce(context: Context, command: AnnounceCommand): Promise<AnnounceAnswer> {
  const { record, delivery } = command;
  const { project, id, progressDelivery } = record;
  const names = keysOf(project);
  const keys = [names.due, names.task(id)];
  const words = openingWords(keys, project, id, [delivery]);
  const overtaken = delivery.once ? progressDelivery : undefined;
  const [code, rest] = await context.worker(ANNOUNCE, keys, [
    ...named({
      offset: context.offset,
      run: record.run,
      attempt: record.attempt,
      lease: command.lease ?? "",
      id: delivery.id,
      once: delivery.once ? "1" : "",
      first: delivery.lease?.id ?? "",
      newest: overtaken ?? "",
      last: overtaken ? keys.push(names.delivery(overtaken)) : 0,
      entry: overtaken ? deliveryMember(project, overtaken) : "",
    }),
    ...words,
  ]);
  switch (code) {
    case "opened":
      return { kind: code, now: Number(rest) };
    case "changed":
      return { kind: code, newest: String(rest) };
    case "known":
    case "stale":
    case "early":
      return { kind: code };
    default:
      throw new Error(`announce answered "${code}"`);
  }
}
