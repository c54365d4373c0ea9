import {
  DUE_GRACE,
  IDEMPOTENCY_TTL,
  INDEX_RETENTION,
  INLINE_LIMIT,
  PUBLISH_HORIZON,
} from "../domain/limits.ts";
import type { AcceptAnswer, AcceptCommand } from "../flow/store.ts";
import type { Context } from "./context.ts";
import { newTaskFields, readTaskFields } from "./fields.ts";
import { hourOf, keysOf, taskMember } from "./keys.ts";
import { fieldsOf, script } from "./script.ts";

/** Stores a task with everything that keeps it: due entry, index, first timeline entry, counters. */
export const ACCEPT = script(
  "accept",
  `
local due, proj, task, index, hours = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local offset, key, secret, member, id, hour = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local rate, quota, delay, at, deadline = ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local fingerprint, idem, input = ARGV[12], KEYS[num(ARGV[13])], KEYS[num(ARGV[14])]
local first = 15
local t = now(offset)
local p = hash(proj)
local no = denied(p['k:' .. key], secret, 'tasks:write', t)
if no then return {no} end
-- Sent before, by us or by the client under the same idempotency key?
local known
if idem then
  local record = redis.call('GET', idem)
  if record then
    local print, other = string.match(record, '^(%S+) (%S+)$')
    if other ~= id then return {print == fingerprint and 'replayed' or 'reused', other} end
    known = true
  end
else
  known = redis.call('HGET', task, 'created')
end
-- Generic cell rate algorithm, a burst of one second.
local interval = 1000.0 / rate
local tat = math.max(num(p.tat), t)
if known then
  local _, flat = hash(task)
  return {'accepted', ms(t), ms((t + 1000 - tat) / interval), ms(tat - t), flat}
end
if math.floor(t / 3600000) ~= num(hour) then return {'hour', ms(t)} end
if num(p.open) >= num(p.quota or quota) then return {'quota'} end
tat = tat + interval
if tat - t > 1000 then return {'rate-limited', ms(math.ceil(tat - t - 1000))} end
local start = at ~= '' and math.max(num(at), t) or t + delay
local look = start - t > ${PUBLISH_HORIZON} and start - ${PUBLISH_HORIZON} or start + ${DUE_GRACE}
redis.call('ZADD', due, ms(math.min(look, start + deadline)), member)
local fields = {}
for i = first, #ARGV - (input and 1 or 0) do fields[#fields + 1] = ARGV[i] end
for _, field in ipairs({
  'status', 'queued', 'run', '1', 'seq', '1', 'attempt', '0', 'created', ms(t), 'start', ms(start), 'next', ms(start),
  'deadline', ms(start + deadline), 'l:1', ms(t) .. ' 1 task.created client '
}) do fields[#fields + 1] = field end
redis.call('HSET', task, unpack(fields))
if input then redis.call('SET', input, ARGV[#ARGV]) end
if idem then redis.call('SET', idem, fingerprint .. ' ' .. id, 'PX', '${IDEMPOTENCY_TTL}') end
redis.call('ZADD', index, ms(t), id)
if p.hour ~= hour then
  redis.call('ZADD', hours, hour, hour)
  redis.call('PEXPIRE', index, '${INDEX_RETENTION}')
end
if start - t > 86400000 and num(redis.call('PTTL', index)) < start - t + ${INDEX_RETENTION} then
  redis.call('PEXPIRE', index, ms(start - t + ${INDEX_RETENTION}))
end
redis.call('HSET', proj, 'open', ms(num(p.open) + 1), 'tat', string.format('%.3f', tat), 'hour', hour)
return {'accepted', ms(t), ms((t + 1000 - tat) / interval), ms(tat - t), fields}
`,
);

/** Sends `accept`; again when the edge's clock put the task into another hour than Redis did. */
export async function accept(context: Context, command: AcceptCommand): Promise<AcceptAnswer> {
  const [code, ...rest] = await send(context, command, hourOf(context.clock() + context.offset));
  if (code !== "hour") return answer(command, String(code), rest);
  const [second, ...values] = await send(context, command, hourOf(Number(rest[0])));
  return answer(command, String(second), values);
}

function send(context: Context, command: AcceptCommand, hour: number) {
  const { caller, task, idempotency } = command;
  const names = keysOf(caller.project);
  const keys = [names.due, names.project, names.task(task.id), names.index(hour), names.hours];
  const large = task.input.length > INLINE_LIMIT;
  const idempotencyAt = idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0;
  const inputAt = large ? keys.push(names.input(task.id)) : 0;
  return context.quick(ACCEPT, keys, [
    context.offset,
    caller.key,
    caller.hash,
    taskMember(caller.project, task.id),
    task.id,
    hour,
    command.rateLimit,
    command.maxOpen,
    "delay" in task.start ? task.start.delay : 0,
    "at" in task.start ? task.start.at : "",
    task.options.deadline,
    idempotency?.fingerprint ?? "",
    idempotencyAt,
    inputAt,
    ...newTaskFields(task),
    ...(large ? [task.input] : []),
  ]);
}

function answer(command: AcceptCommand, code: string, rest: readonly unknown[]): AcceptAnswer {
  switch (code) {
    case "accepted": {
      const [now, remaining, reset, flat] = rest;
      const record = readTaskFields(command.caller.project, command.task.id, fieldsOf(flat as string[]));
      if (!record) throw new Error("accept answered without a task");
      return {
        kind: "accepted",
        record,
        now: Number(now),
        rate: { remaining: Math.max(0, Math.floor(Number(remaining))), reset: Number(reset) },
      };
    }
    case "replayed":
    case "reused":
      return { kind: code, id: String(rest[0]) };
    case "rate-limited":
      return { kind: code, retryAfter: Number(rest[0]) };
    case "quota":
    case "unauthenticated":
    case "forbidden":
      return { kind: code };
    default:
      throw new Error(`accept answered "${code}"`);
  }
}
