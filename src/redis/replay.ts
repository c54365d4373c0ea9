import { DUE_GRACE, IDEMPOTENCY_TTL, TOMBSTONE } from "../domain/limits.ts";
import { isTerminal, type TerminalStatus } from "../domain/status.ts";
import type { EraseAnswer, EraseCommand } from "../flow/erase-commands.ts";
import type { ReplayAnswer, ReplayCommand } from "../flow/task-commands.ts";
import type { Context } from "./context.ts";
import { readTaskFields } from "./fields.ts";
import { dayOf, deliveryMember, ERASED, hourOf, keysOf, letterOf, taskMember } from "./keys.ts";
import { fieldsOf, named, script } from "./script.ts";
import { pairHash } from "./search.ts";

/** Begins a new run of a task that has ended; what keeps it is lifted from its TTL. */
export const REPLAY = script(
  "replay",
  `
local due, task, proj = KEYS[1], KEYS[2], KEYS[3]
local a = named(ARGV) -- offset nonce key secret seq member id deadline quota print idem input ending
local idem, input, ending = KEYS[num(a.idem)], KEYS[num(a.input)], KEYS[num(a.ending)]
local t = now(a.offset)
local p = hash(proj)
local no = denied(p['k:' .. a.key], a.secret, 'tasks:write', t)
if no then return {no} end
local h, flat = hash(task)
if not h.status then return {'missing', ms(t)} end
if h.again == a.nonce then return {'replayed', ms(t), flat} end
local record = idem and redis.call('GET', idem)
if record then
  local print = string.match(record, '^(%S+)')
  return {print == a.print and 'repeated' or 'reused', ms(t), flat}
end
if not TERMINAL[h.status] or not MOVES[h.status .. '>queued'] then return {'pending', h.status} end
if h.seq ~= a.seq then return {'changed', ms(t), flat} end
if num(h.expires) <= t or (h.inl and not input) then return {'expired'} end
if num(p.open) >= num(p.quota or a.quota) then return {'quota'} end
redis.call('ZADD', due, ms(math.min(t + ${DUE_GRACE}, t + a.deadline)), a.member)
redis.call('PERSIST', task)
if input then redis.call('PERSIST', input) end
if ending then redis.call('ZREM', ending, a.id .. '|' .. h.type) end
if idem then redis.call('SET', idem, a.print .. ' ' .. a.id, 'PX', '${IDEMPOTENCY_TTL}') end
redis.call('HDEL', task, 'out', 'outl', 'err', 'started', 'ended', 'expires', 'progress', 'beat', 'beatby', 'wait', 'msg')
local seq, run, past = ms(num(h.seq) + 1), ms(num(h.run) + 1), h.past or ''
if h.dels and h.dels ~= '' then past = past == '' and h.dels or past .. ',' .. h.dels end
redis.call('HSET', task, 'status', 'queued', 'run', run, 'seq', seq, 'attempt', '0', 'crashes', '0', 'start', ms(t),
  'next', ms(t), 'deadline', ms(t + a.deadline), 'lease', '', 'until', '0', 'sweep', '', 'dels', '', 'past', past,
  'again', a.nonce, 'l:' .. seq, ms(t) .. ' ' .. run .. ' task.replayed client ')
redis.call('HSET', proj, 'open', ms(num(p.open) + 1))
tell(task, h, t, 'queued')
local _, changed = hash(task)
return {'replayed', ms(t), changed}
`,
);

/** Erases a task that has ended, with everything that was made for it. */
export const ERASE = script(
  "erase",
  `
local due, task, proj = KEYS[1], KEYS[2], KEYS[3]
local a, at = named(ARGV) -- offset key secret id seq filed erased letters idem members letters…
local idem = KEYS[num(a.idem)]
local t = now(a.offset)
local no = denied(redis.call('HGET', proj, 'k:' .. a.key), a.secret, 'tasks:write', t)
if no then return {no} end
local h, flat = hash(task)
if not h.status then return {'missing', ms(t)} end
if not TERMINAL[h.status] then return {'pending', h.status} end
if h.seq ~= a.seq then return {'changed', ms(t), flat} end
local filed, members = 3 + num(a.filed), {}
local last = #ARGV - 2 * num(a.letters)
for i = at, last do members[#members + 1] = ARGV[i] end
if #members > 1 then redis.call('ZREM', due, unpack(members, 2)) end
for i = 4, filed do redis.call('ZREM', KEYS[i], members[1]) end
for i = last + 1, #ARGV, 2 do redis.call('ZREM', KEYS[num(ARGV[i])], ARGV[i + 1]) end
for i = filed + 1, filed + num(a.erased) do redis.call('DEL', KEYS[i]) end
redis.call('DEL', task)
-- What accepted it may have been sent twice: coming once more it must find that the task was here. A full database may
-- refuse to note that: it accepts nothing either.
if idem then
  local owner = string.match(redis.call('GET', idem) or '', '%S+$')
  if owner == a.id then redis.call('DEL', idem) end
  if not owner or owner == a.id then redis.pcall('SET', idem, '${ERASED} ' .. a.id, 'PX', '${TOMBSTONE}') end
else
  redis.pcall('HSET', task, 'created', '${ERASED}')
  redis.call('PEXPIRE', task, '${TOMBSTONE}')
end
return {'erased'}
`,
);

export async function replay(context: Context, command: ReplayCommand): Promise<ReplayAnswer> {
  const { caller, record, idempotency } = command;
  const names = keysOf(caller.project);
  const keys = [names.due, names.task(record.id), names.project];
  const ended = isTerminal(record.status) ? record.status : undefined;
  const [code, now, flat] = await context.adding(REPLAY, keys, [
    ...named({
      offset: context.offset,
      nonce: command.nonce,
      key: caller.key,
      secret: caller.hash,
      seq: record.sequence,
      member: taskMember(caller.project, record.id),
      id: record.id,
      deadline: record.options.deadline,
      quota: command.maxOpen,
      print: idempotency?.fingerprint ?? "",
      idem: idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0,
      input: record.input.placement === "key" ? keys.push(names.input(record.id)) : 0,
      ending: ended && ended !== "succeeded" ? keys.push(names.ending(hourOf(record.createdAt), ended)) : 0,
    }),
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
    case "reused":
    case "unauthenticated":
    case "forbidden":
      return { kind: code };
    default:
      throw new Error(`replay answered "${code}"`);
  }
}

export async function erase(context: Context, { caller, record, dead }: EraseCommand): Promise<EraseAnswer> {
  const { id, project } = record;
  const names = keysOf(project);
  const hour = hourOf(record.createdAt);
  const pairs = await Promise.all(
    Object.entries(record.metadata).map(([name, value]) => pairHash(name, value)),
  );
  const filed = [
    names.index(hour),
    ...pairs.map((pair) => names.metadata(hour, pair)),
    ...(["failed", "canceled", "expired"] as const satisfies readonly TerminalStatus[]).map((status) =>
      names.ending(hour, status),
    ),
  ];
  const deliveries = [...record.pastDeliveries, ...record.deliveries, ...record.progressDeliveries];
  const erased = [
    names.input(id),
    ...Array.from({ length: record.run }, (_, index) => names.result(id, index + 1)),
    ...deliveries.map((delivery) => names.delivery(delivery)),
    ...record.sharedBodies.map((name) => names.sharedBody(name)),
  ];
  const keys = [names.due, names.task(id), names.project, ...filed, ...erased];
  const letters = dead.map(({ id: delivery, endedAt = 0, endpointId }) => [
    keys.push(names.dead(dayOf(endedAt))),
    letterOf(delivery, endpointId),
  ]);
  const [code, now, flat] = await context.quick(ERASE, keys, [
    ...named({
      offset: context.offset,
      key: caller.key,
      secret: caller.hash,
      id,
      seq: record.sequence,
      filed: filed.length,
      erased: erased.length,
      letters: letters.length,
      idem: record.idempotencyHash ? keys.push(names.idempotency(record.idempotencyHash)) : 0,
    }),
    `${id}|${record.type}`,
    ...deliveries.map((delivery) => deliveryMember(project, delivery)),
    ...letters.flat(),
  ]);
  switch (code) {
    case "missing":
      return { kind: code, now: Number(now) };
    case "changed": {
      const changed = readTaskFields(project, id, fieldsOf(flat));
      return changed ? { kind: code, record: changed } : { kind: "missing", now: Number(now) };
    }
    case "erased":
    case "pending":
    case "unauthenticated":
    case "forbidden":
      return { kind: code };
    default:
      throw new Error(`erase answered "${code}"`);
  }
}
