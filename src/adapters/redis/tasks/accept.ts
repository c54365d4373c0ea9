import type { AcceptAnswer, AcceptCommand, RateState } from "../../../ports/task-commands.ts";
import { fault } from "../../../shared/fault-point.ts";
import {
  DUE_GRACE,
  HOURS_KEPT,
  IDEMPOTENCY_TTL,
  INDEX_RETENTION,
  INLINE_LIMIT,
  PUBLISH_HORIZON,
  REQUEST_LIMIT,
} from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { newTaskFields, readTaskFields } from "../fields.ts";
import { ERASED, hourOf, keysOf, taskMember } from "../keys.ts";
import { proofOf } from "../proof.ts";
import { callBytes, fieldsOf, named, type Runner, script } from "../script.ts";
import { searchablePairs } from "./search.ts";

/** Stores a task with everything that keeps it: due entry, indexes, first timeline entry, counters. */
export const ACCEPT = script(
  "accept",
  `
local due, proj, task, index, hours = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local a, at = named(ARGV) -- offset key secret scope member id hour rate quota delay at deadline fingerprint idem input searchable
-- watch
local idem, input = KEYS[num(a.idem)], KEYS[num(a.input)]
local t = now(a.offset)
local grant = 'k:' .. a.key
local wanted = {grant, 'rate', 'quota', 'tat', 'open', 'starts', 'hour', 'search'}
local p = ${fault("reads-every-key")} and hash(proj) or some(proj, wanted)
local no = denied(p[grant], a.secret, a.scope, t)
if no then return {no} end
-- Sent before, by us or by the client under the same idempotency key?
local known
if idem then
  local record = redis.call('GET', idem)
  if record then
    local fingerprint, other = string.match(record, '^(%S+) (%S+)$')
    if fingerprint == '${ERASED}' then return {'erased', other} end
    if other ~= a.id then
      local isSame = fingerprint == a.fingerprint or ${fault("no-fingerprint")}
      return {isSame and 'replayed' or 'reused', other}
    end
    known = not ${fault("no-dedup")}
  end
else
  known = redis.call('HGET', task, 'created')
  if known == '${ERASED}' then return {'erased', a.id} end
end
-- Generic cell rate algorithm, a burst of one second.
local limit, quota = num(p.rate or a.rate), num(p.quota or a.quota)
local interval = 1000.0 / limit
local tat = math.max(num(p.tat), t)
local searched = at + 2 * num(a.searchable)
-- The indexes come last: a task that one of them lacks is kept, runs, and is found by its id.
local function fileTask(created, start)
  local entry, first = a.id .. '|' .. a.type, p.hour ~= a.hour
  local late = start - created > 86400000 and start - created or 0
  local ttl = late + ${INDEX_RETENTION}
  local function fileIn(set, known)
    redis.call('ZADD', set, ms(created), entry)
    if known and late == 0 or num(redis.pcall('PTTL', set)) >= ttl - 3600000 then return end
    lasting(set, entry, ms(ttl))
  end
  if first then
    redis.call('ZADD', hours, a.hour, a.hour)
    trim(hours, ms(a.hour - ${HOURS_KEPT}))
  end
  fileIn(index, not first and not known)
  -- Metadata that the project searches by: name and number of the pair's index key.
  if p.search then
    for i = at, searched - 2, 2 do
      if string.find(',' .. p.search .. ',', ',' .. ARGV[i] .. ',', 1, true) then fileIn(KEYS[num(ARGV[i + 1])]) end
    end
  end
  -- From now on the hour's index is known to have its TTL.
  if first then redis.call('HSET', proj, 'hour', a.hour) end
end
if known then
  local h, flat = hash(task)
  if math.floor(num(h.created) / 3600000) == num(a.hour) then fileTask(num(h.created), num(h.start)) end
  return {'accepted', ms(t), ms(limit), ms((t + 1000 - tat) / interval), ms(tat - t), flat, p.starts or ''}
end
if math.floor(t / 3600000) ~= num(a.hour) then return {'hour', ms(t)} end
if num(p.open) >= quota then return {'quota', ms(quota), ms(limit), ms((t + 1000 - tat) / interval), ms(tat - t)} end
tat = tat + interval
if tat - t > 1000 then return {'rate-limited', ms(math.ceil(tat - t - 1000)), ms(limit)} end
local start = a.at ~= '' and math.max(num(a.at), t) or t + a.delay
local look = start - t > ${PUBLISH_HORIZON} and start - ${PUBLISH_HORIZON} or start + ${DUE_GRACE}
local fields = {
  'status', 'queued', 'run', '1', 'seq', '1', 'attempt', '0', 'created', ms(t), 'start', ms(start), 'next', ms(start),
  'deadline', ms(start + a.deadline), 'l:1', ms(t) .. ' 1 task.created client '
}
if num(a.watch) > 0 then fields[#fields + 1] = 'watch'; fields[#fields + 1] = ms(t + a.watch) end
for i = searched, #ARGV - (input and 1 or 0) do fields[#fields + 1] = ARGV[i] end
together(function()
  undone('ZREM', due, a.member)
  if not ${fault("no-due-entry")} then redis.call('ZADD', due, ms(math.min(look, start + a.deadline)), a.member) end
  if input then undone('DEL', input) redis.call('SET', input, ARGV[#ARGV]) end
  if idem and not ${fault("no-idempotency-record")} then
    undone('DEL', idem)
    redis.call('SET', idem, a.fingerprint .. ' ' .. a.id, 'PX', '${IDEMPOTENCY_TTL}')
  end
  undone('HSET', proj, 'open', p.open or '0', 'tat', p.tat or '0')
  redis.call('HSET', proj, 'open', ms(num(p.open) + 1), 'tat', string.format('%.3f', tat))
  redis.call('HSET', task, unpack(fields))
  if ${fault("mortal")} then redis.call('PEXPIRE', task, '86400000') end
end)
fileTask(t, start)
return {'accepted', ms(t), ms(limit), ms((t + 1000 - tat) / interval), ms(tat - t), fields, p.starts or ''}
`,
);

/** Sends `accept`; again when the edge's clock put the task into another hour than Redis did. */
export async function accept(context: Context, command: AcceptCommand): Promise<AcceptAnswer> {
  const call = await callOf(context, command, hourOf(context.clock() + context.offset));
  if (!fits(call)) return { kind: "too-large" };
  const [code, ...rest] = await context.adding(...call);
  if (code !== "hour") return answer(command, String(code), rest);
  const [second, ...values] = await context.adding(
    ...(await callOf(context, command, hourOf(Number(rest[0])))),
  );
  return answer(command, String(second), values);
}

/** Redis would take the call, also where it has forgotten the script. */
function fits(call: Parameters<Runner>): boolean {
  return callBytes(call) <= REQUEST_LIMIT;
}

/** Sends many in as few requests as Redis takes, and once more those that were put into another hour than Redis's. */
export async function acceptAll(
  context: Context,
  commands: readonly AcceptCommand[],
): Promise<readonly AcceptAnswer[]> {
  const guess = hourOf(context.clock() + context.offset);
  const first = await sendAll(context, commands, guess);
  const late = commands.filter((_, index) => first[index]?.[0] === "hour");
  const told = first.find((reply) => reply?.[0] === "hour")?.[1];
  const again = late.length > 0 ? await sendAll(context, late, hourOf(Number(told))) : [];
  let next = 0;
  return commands.map((command, index) => {
    const reply = first[index]?.[0] === "hour" ? again[next++] : first[index];
    if (!reply) return { kind: "too-large" };
    const [code, ...rest] = reply;
    return answer(command, String(code), rest);
  });
}

/** A reply per command; undefined for one that is too large alone. */
async function sendAll(context: Context, commands: readonly AcceptCommand[], hour: number) {
  const calls = await Promise.all(commands.map((command) => callOf(context, command, hour)));
  const sent = calls.map(fits);
  const replies = await context.many(calls.filter((_, index) => sent[index]));
  let next = 0;
  return sent.map((isSent) => (isSent ? (replies[next++] ?? []) : undefined));
}

async function callOf(context: Context, command: AcceptCommand, hour: number): Promise<Parameters<Runner>> {
  const { caller, task, idempotency } = command;
  const names = keysOf(caller.project);
  const keys = [names.due, names.project, names.task(task.id), names.index(hour), names.hours];
  const large = task.input.length > INLINE_LIMIT;
  const idem = idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0;
  const input = large ? keys.push(names.input(task.id)) : 0;
  const pairs = await searchablePairs(task.metadata);
  const searchable = pairs.map(({ name, pair }) => [name, keys.push(names.metadata(hour, pair))] as const);
  const args = [
    ...named({
      offset: context.offset,
      ...proofOf(caller),
      scope: command.scope ?? "tasks:write",
      member: taskMember(caller.project, task.id),
      id: task.id,
      type: task.type,
      hour,
      rate: command.rateLimit,
      quota: command.maxOpen,
      delay: "delay" in task.start ? task.start.delay : 0,
      at: "at" in task.start ? task.start.at : "",
      deadline: task.options.deadline,
      fingerprint: idempotency?.fingerprint ?? "",
      idem,
      input,
      searchable: searchable.length,
      watch: command.watch ?? 0,
    }),
    ...searchable.flat(),
    ...newTaskFields(task, idempotency?.hash),
    ...(large ? [task.input] : []),
  ];
  return [ACCEPT, keys, args];
}

function answer(command: AcceptCommand, code: string, rest: readonly unknown[]): AcceptAnswer {
  switch (code) {
    case "accepted": {
      const [now, limit, remaining, reset, flat, starts] = rest;
      const record = readTaskFields(command.caller.project, command.task.id, fieldsOf(flat as string[]));
      if (!record) throw new Error("accept answered without a task");
      return {
        kind: "accepted",
        record,
        now: Number(now),
        rate: rateOf(limit, remaining, reset),
        startsTold: starts === "1",
      };
    }
    case "replayed":
    case "reused":
    case "erased":
      return { kind: code, id: String(rest[0]) };
    case "rate-limited":
      return { kind: code, retryAfter: Number(rest[0]), limit: Number(rest[1]) };
    case "quota": {
      const [quota, limit, remaining, reset] = rest;
      return { kind: code, quota: Number(quota), rate: rateOf(limit, remaining, reset) };
    }
    case "unauthenticated":
    case "forbidden":
      return { kind: code };
    default:
      throw new Error(`accept answered "${code}"`);
  }
}

function rateOf(limit: unknown, remaining: unknown, reset: unknown): RateState {
  return {
    limit: Number(limit),
    remaining: Math.max(0, Math.floor(Number(remaining))),
    reset: Number(reset),
  };
}
