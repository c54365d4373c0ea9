import type { ReplayAnswer, ReplayCommand } from "../../../ports/task-commands.ts";
import {
  DUE_GRACE,
  IDEMPOTENCY_TTL,
  INDEX_RETENTION,
  TASK_CHANGES,
  TASK_DELIVERIES,
  TASK_RETENTION,
} from "../../../shared/limits.ts";
import { isTerminal } from "../../../tasks/status.ts";
import type { Context } from "../context.ts";
import { readTaskFields } from "../fields.ts";
import { hourOf, keysOf, taskMember } from "../keys.ts";
import { proofOf } from "../proof.ts";
import { fieldsOf, named, script } from "../script.ts";
import { searchablePairs } from "./search.ts";

/**
 * Begins a new run of a task that has ended: what keeps it is lifted from its TTL, and the indexes that list it last as
 * long as a task that was accepted now.
 */
export const REPLAY = script(
  "replay",
  `
local due, task, proj, index, hours = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local a, at = named(ARGV) -- offset nonce key secret seq member id hour deadline quota fingerprint idem input ending
local idem, input, ending = KEYS[num(a.idem)], KEYS[num(a.input)], KEYS[num(a.ending)]
local t = now(a.offset)
local grant = 'k:' .. a.key
local p = some(proj, {grant, 'open', 'quota', 'search'})
local no = denied(p[grant], a.secret, 'tasks:write', t)
if no then return {no} end
local h, flat = hash(task)
if not h.status then return {'missing', ms(t)} end
-- The indexes come last, and once more when this is sent twice.
local function fileAgain()
  local entry = a.id .. '|' .. h.type
  local function fileIn(set)
    redis.call('ZADD', set, h.created, entry)
    if num(redis.pcall('PTTL', set)) < ${INDEX_RETENTION} then lasting(set, entry, '${INDEX_RETENTION}') end
  end
  redis.call('ZADD', hours, a.hour, a.hour)
  fileIn(index)
  for i = at, #ARGV, 2 do
    if string.find(',' .. (p.search or '') .. ',', ',' .. ARGV[i] .. ',', 1, true) then fileIn(KEYS[num(ARGV[i + 1])]) end
  end
end
if h.again == a.nonce then
  fileAgain()
  return {'replayed', ms(t), flat}
end
local record = idem and redis.call('GET', idem)
if record then
  local fingerprint = string.match(record, '^(%S+)')
  return {fingerprint == a.fingerprint and 'repeated' or 'reused', ms(t), flat}
end
if not TERMINAL[h.status] or not MOVES[h.status .. '>queued'] then return {'pending', h.status} end
if h.seq ~= a.seq then return {'changed', ms(t), flat} end
if num(h.expires) <= t or (h.inl and not input) then return {'expired'} end
if num(p.open) >= num(p.quota or a.quota) then return {'quota'} end
if num(h.seq) >= ${TASK_CHANGES} or #(h.past or '') + #(h.dels or '') >= ${TASK_DELIVERIES} * 31 then return {'worn'} end
local seq, run, past = ms(num(h.seq) + 1), ms(num(h.run) + 1), h.past or ''
if h.dels and h.dels ~= '' then past = past == '' and h.dels or past .. ',' .. h.dels end
local forgotten, before = {'out', 'outl', 'err', 'started', 'ended', 'expires', 'progress', 'beat', 'beatby', 'wait', 'msg'}, {}
for _, name in ipairs(forgotten) do
  if h[name] then before[#before + 1] = name; before[#before + 1] = h[name] end
end
together(function()
  undone('ZREM', due, a.member)
  redis.call('ZADD', due, ms(math.min(t + ${DUE_GRACE}, t + a.deadline)), a.member)
  if idem then undone('DEL', idem) redis.call('SET', idem, a.fingerprint .. ' ' .. a.id, 'PX', '${IDEMPOTENCY_TTL}') end
  undone('HSET', proj, 'open', p.open or '0')
  redis.call('HSET', proj, 'open', ms(num(p.open) + 1))
  undone('PEXPIRE', task, '${TASK_RETENTION}')
  redis.call('PERSIST', task)
  if input then undone('PEXPIRE', input, ms(num(h.expires) - t)) redis.call('PERSIST', input) end
  undone('HSET', task, unpack(before))
  redis.call('HDEL', task, unpack(forgotten))
  redis.call('HSET', task, 'status', 'queued', 'run', run, 'seq', seq, 'attempt', '0', 'crashes', '0', 'start', ms(t),
    'next', ms(t), 'deadline', ms(t + a.deadline), 'lease', '', 'until', '0', 'sweep', '', 'dels', '', 'past', past,
    'again', a.nonce, 'l:' .. seq, ms(t) .. ' ' .. run .. ' task.replayed client ')
end)
if ending then redis.call('ZREM', ending, a.id .. '|' .. h.type) end
fileAgain()
notify(task, h, t, 'queued')
local _, changed = hash(task)
return {'replayed', ms(t), changed}
`,
);

export async function replay(context: Context, command: ReplayCommand): Promise<ReplayAnswer> {
  const { caller, record, idempotency } = command;
  const names = keysOf(caller.project);
  const hour = hourOf(record.createdAt);
  const keys = [names.due, names.task(record.id), names.project, names.index(hour), names.hours];
  const searchable = await searchablePairs(record.metadata);
  const pairs = searchable.flatMap(({ name, pair }) => [name, keys.push(names.metadata(hour, pair))]);
  const ended = isTerminal(record.status) ? record.status : undefined;
  const [code, now, flat] = await context.adding(REPLAY, keys, [
    ...named({
      offset: context.offset,
      nonce: command.nonce,
      ...proofOf(caller),
      seq: record.sequence,
      member: taskMember(caller.project, record.id),
      id: record.id,
      hour,
      deadline: record.options.deadline,
      quota: command.maxOpen,
      fingerprint: idempotency?.fingerprint ?? "",
      idem: idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0,
      input: record.input.placement === "key" ? keys.push(names.input(record.id)) : 0,
      ending: ended && ended !== "succeeded" ? keys.push(names.ending(hour, ended)) : 0,
    }),
    ...pairs,
  ]);
  switch (code) {
    case "missing":
      return { kind: code, now: Number(now) };
    case "changed":
    case "replayed":
    case "repeated": {
      const found = readTaskFields(caller.project, record.id, fieldsOf(flat));
      if (!found) throw new Error("replay answered without a task");
      return code === "changed"
        ? { kind: code, record: found }
        : { kind: code, now: Number(now), record: found };
    }
    case "pending":
    case "expired":
    case "quota":
    case "worn":
    case "reused":
    case "unauthenticated":
    case "forbidden":
      return { kind: code };
    default:
      throw new Error(`replay answered "${code}"`);
  }
}
