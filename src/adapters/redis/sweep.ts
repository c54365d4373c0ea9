import type { DueAction, GivenMessage } from "../../ports/commands/sweep.ts";
import { fault } from "../../shared/fault-point.ts";
import {
  CRASHES,
  DUE_GRACE,
  LEASE_GRACE,
  PUBLISH_HORIZON,
  SWEEP_BACKOFF_LIMIT,
  SWEEP_BATCH,
  WAITING_KEPT,
  WAITING_RETENTION,
} from "../../shared/limits.ts";
import type { Context } from "./context.ts";
import { readBatchFields, readTaskState } from "./fields.ts";
import { dueKey, keysOf, parseMember, WAITING } from "./keys.ts";
import { configOf } from "./projects/config.ts";
import { fieldsOf, named, type ScriptReply, script } from "./script.ts";

/**
 * Reads what is due: the entries that are due longest, and those that became due last. So a crowd of old entries does
 * not hold up a new one, of another project for instance. Changes nothing, so a lost answer costs nothing.
 */
export const PEEK_DUE = script(
  "peekDue",
  `
-- KEYS
--   due            due set of the partition
-- ARGV
--   offset         ms added to Redis's clock
--   most           number of members
-- RETURNS
--   <member>, …             half of them the longest due, the others the last ones, each once
local dueKey = KEYS[1]
local args = named(ARGV)
local now = integer(clock(args.offset))
local half = ${fault("unbounded-peek") ? "'-1'" : "integer(math.ceil(args.most / 2))"}
local members = redis.call('ZRANGEBYSCORE', dueKey, '-inf', now, 'LIMIT', '0', half)
if #members < ${SWEEP_BATCH / 2} then return members end
local isTaken = {}
for _, member in ipairs(members) do isTaken[member] = true end
for _, member in ipairs(redis.call('ZREVRANGEBYSCORE', dueKey, now, '-inf', 'LIMIT', '0', half)) do
  if not isTaken[member] then members[#members + 1] = member end
end
return members
`,
);

/**
 * Decides the action for each due entry, and postpones the next look at it. An entry that is no longer due (another
 * sweep was faster) stays unchanged. An entry that costs requests beyond the caller's budget stays due for the next
 * sweep. An entry that cannot be read is postponed like any other and blocks none.
 */
export const RECONCILE = script(
  "reconcile",
  `
-- KEYS
--   due            due set of the partition
--   waiting        tasks that wait for their start
--   hashes…        hash of each entry's task, delivery or batch, and configuration of its project
-- ARGV
--   offset         ms added to Redis's clock
--   nonce          the same when this is sent again
--   most           number of answers that may cost the caller requests
--   …              per entry: its member, the places of its hash and of its project's configuration in KEYS
-- RETURNS
--   <answer>, …             one per entry, each of them one of these lists
--   none                    nothing to do
--   left                    due, but beyond \`most\`
--   run, <run>, <attempt>, <delay>, <type>, <options>, <message>
--                           publish the attempt; the message that the queue may still hold, or empty
--   deliver, <attempt>, <delay>, <endpoint>, <rate>, <message>
--                           publish the attempt of the delivery
--   expired | exhausted | silent, <now>, <config>, <task>
--                           end the task: its deadline has passed, its attempts have crashed, its heartbeat is missing
--   batch, <batch>          look after the batch; fields and values
--   broken, <reason>        it cannot be understood
local dueKey, waitingKey = KEYS[1], KEYS[2]
local args, rest = named(ARGV)
local now, most = clock(args.offset), number(args.most)
local entries, members, answers, dues, drops, waits = {}, {}, {}, {}, {}, {}
for i = rest, #ARGV, 3 do
  members[#members + 1] = ARGV[i]
  entries[#entries + 1] = {member = ARGV[i], key = KEYS[number(ARGV[i + 1])], config = KEYS[number(ARGV[i + 2])]}
end
local scores = redis.call('ZMSCORE', dueKey, unpack(members))
-- A task is looked at no later than its deadline, so that it expires on time.
local function look(entry, time, deadline)
  if deadline and deadline > now then time = math.min(time, deadline) end
  entry.look = time
  return {'none'}
end
local function drop(entry) entry.drop = true return {'none'} end
-- The n-th sweep in a row that finds nothing moved waits 2^n times as long; a repeated nonce counts once.
local function again(entry, record, nextAt, answer)
  local count, last = string.match(record.sweep or '', '^(%d+) (%S+)$')
  local rounds = number(count)
  if last ~= args.nonce then
    if count then rounds = rounds + 1 end
    entry.sweep = integer(rounds) .. ' ' .. args.nonce
  end
  local pause = math.min(${SWEEP_BACKOFF_LIMIT}, ${DUE_GRACE} * 2 ^ rounds)
  look(entry, math.max(now, nextAt) + pause, tonumber(record.deadline or ''))
  return answer
end
-- Actions that cost requests of their own are taken while the budget lasts; the others stay due.
local function affords()
  most = most - 1
  return most >= 0
end
local function costly(entry, record, nextAt, answer)
  if not affords() then return {'left'} end
  return again(entry, record, nextAt, answer)
end
-- The attempt's message; where the queue was given one that it may still hold, the caller asks it first.
local function message(entry, record, nextAt, mark, answer)
  local given = string.match(record.msg or '', '^' .. string.gsub(mark, '%.', '%%.') .. ' (%S+)$')
  answer[#answer + 1] = given or ''
  return (given and costly or again)(entry, record, nextAt, answer)
end
-- Ends it: its task without its payloads, which nobody needs for that. An end that is lost is repeated soon: the pause
-- grows with the time since it was due, not with the looks before it.
local function ending(entry, task, since, code)
  if not affords() then return {'left'} end
  local rounds = number(string.match(task.sweep or '', '^(%d+) '))
  entry.sweep = integer(rounds) .. ' ' .. args.nonce
  look(entry, now + math.min(${SWEEP_BACKOFF_LIMIT}, math.max(${DUE_GRACE}, now - since)), number(task.deadline))
  local flat = {}
  for name, value in pairs(task) do
    if name ~= 'in' and name ~= 'out' then flat[#flat + 1] = name; flat[#flat + 1] = value end
  end
  return {code, integer(now), redis.call('GET', entry.config) or '', flat}
end
local function inspectTask(entry, task)
  if not task.status or TERMINAL[task.status] then return drop(entry) end
  local deadline = number(task.deadline)
  if now >= deadline and not ${fault("no-deadline-in-sweep")} then return ending(entry, task, deadline, 'expired') end
  if task.status == 'running' then
    local till = number(task['until'])
    if till > now then return look(entry, till + ${LEASE_GRACE}, deadline) end
    if number(task.crashes) >= ${CRASHES} then return ending(entry, task, till, 'exhausted') end
    local answer = {'run', task.run, task.attempt, '0', task.type, task.opt}
    return message(entry, task, now, task.run .. '.' .. task.attempt, answer)
  end
  if task.status == 'waiting' then
    local beatBy = number(task.beatby)
    if beatBy == 0 then return look(entry, deadline) end
    if beatBy > now then return look(entry, beatBy, deadline) end
    return ending(entry, task, beatBy, 'silent')
  end
  if task.parked == '1' then return look(entry, deadline) end
  local nextAt, attempt = number(task.next), integer(number(task.attempt) + 1)
  if nextAt - now > ${PUBLISH_HORIZON} then return look(entry, nextAt - ${PUBLISH_HORIZON}, deadline) end
  if nextAt <= now then
    waits[#waits + 1] = integer(nextAt)
    waits[#waits + 1] = entry.member .. ' ' .. task.run .. '.' .. task.attempt
  end
  local answer = {'run', task.run, attempt, integer(math.max(0, nextAt - now)), task.type, task.opt}
  return message(entry, task, nextAt, task.run .. '.' .. attempt, answer)
end
local function inspectDelivery(entry, delivery)
  if delivery.status ~= 'pending' then return drop(entry) end
  if number(delivery['until']) > now then return look(entry, number(delivery['until']) + ${LEASE_GRACE}) end
  local lapsed = delivery.lease and delivery.lease ~= ''
  local nextAt = lapsed and now or number(delivery.next)
  if nextAt - now > ${PUBLISH_HORIZON} then return look(entry, nextAt - ${PUBLISH_HORIZON}) end
  local attempt = lapsed and delivery.attempt or integer(number(delivery.attempt) + 1)
  local delay = integer(math.max(0, nextAt - now))
  local answer = {'deliver', attempt, delay, delivery.endpoint or '', delivery.rate or ''}
  return message(entry, delivery, nextAt, attempt, answer)
end
local function inspectBatch(entry, batch, flat)
  if not batch.status or batch.status == 'completed' then return drop(entry) end
  local answer = {'batch', flat}
  return costly(entry, batch, now, answer)
end
local inspectors = {t = inspectTask, d = inspectDelivery, b = inspectBatch}
local function inspect(entry, score)
  local isDue = score and score <= now
  if not entry.key then
    if not isDue then return {'none'} end
    look(entry, now + ${SWEEP_BACKOFF_LIMIT})
    return {'broken', 'it names nothing'}
  end
  local record, flat = hash(entry.key)
  local _, last = string.match(record.sweep or '', '^(%d+) (%S+)$')
  -- A repeated nonce is answered again as it was: its first answer may be lost.
  if not isDue and last ~= args.nonce and not ${fault("double-look")} then return {'none'} end
  return inspectors[string.sub(entry.member, 1, 1)](entry, record, flat)
end
for i, entry in ipairs(entries) do
  local ok, answer = pcall(inspect, entry, tonumber(scores[i] or ''))
  if not ok and ${fault("poisoned-script")} then error(answer, 0) end
  if not ok then
    entry.look, entry.sweep = now + ${SWEEP_BACKOFF_LIMIT}, nil
    answer = {'broken', type(answer) == 'table' and answer.err or tostring(answer)}
  end
  answers[i] = answer
  if entry.look then dues[#dues + 1] = integer(entry.look); dues[#dues + 1] = entry.member end
  if entry.drop then drops[#drops + 1] = entry.member end
end
if #dues > 0 then redis.call('ZADD', dueKey, 'XX', unpack(dues)) end
if #drops > 0 and not ${fault("due-for-ever-in-sweep")} then redis.call('ZREM', dueKey, unpack(drops)) end
for _, entry in ipairs(entries) do
  if entry.sweep then redis.call('HSET', entry.key, 'sweep', entry.sweep) end
end
-- For the operators. The longest wait first: of too many the newest go.
if #waits > 0 then
  redis.call('ZADD', waitingKey, unpack(waits))
  local passed = redis.call('ZRANGE', waitingKey, '${WAITING_KEPT}', '${WAITING_KEPT + 99}')
  if #passed > 0 then redis.call('ZREM', waitingKey, unpack(passed)) end
  redis.call('PEXPIRE', waitingKey, '${WAITING_RETENTION}')
end
return answers
`,
);

/**
 * Notes the message that the queue received for an attempt, so that the next look can ask whether the queue still holds
 * it. A record that was erased meanwhile stays erased.
 */
export const GIVEN = script(
  "given",
  `
-- KEYS
--   hashes…        hashes of tasks and deliveries
-- ARGV
--   …              per hash: its note, \`<run>.<attempt> <message>\` of a task, \`<attempt> <message>\` of a delivery
-- RETURNS
--   <nothing>
for i, key in ipairs(KEYS) do
  if redis.call('HEXISTS', key, 'status') == 1 then redis.call('HSET', key, 'msg', ARGV[i]) end
end
return {}
`,
);

export async function peekDue(context: Context, partition: number): Promise<readonly string[]> {
  const args = named({ offset: context.offset, most: SWEEP_BATCH });
  const members = await context.worker(PEEK_DUE, [dueKey(partition)], args);
  return members.map(String);
}

export async function reconcile(
  context: Context,
  partition: number,
  members: readonly string[],
  nonce: string,
  most: number = SWEEP_BATCH,
): Promise<readonly DueAction[]> {
  if (members.length === 0) return [];
  const keys = [dueKey(partition), WAITING];
  const configs = new Map<string, number>();
  const entries = members.map((member) => ({ member, parsed: parseMember(member) }));
  const args = entries.flatMap(({ member, parsed }) => {
    if (!parsed) return [member, 0, 0];
    const { kind, project, id } = parsed;
    const names = keysOf(project);
    const place = keys.push({ t: names.task, d: names.delivery, b: names.batch }[kind](id));
    const config = configs.get(project) ?? keys.push(names.config);
    configs.set(project, config);
    return [member, place, config];
  });
  const answers = await context.worker(RECONCILE, keys, [
    ...named({ offset: context.offset, nonce, most }),
    ...args,
  ]);
  return entries.map(({ parsed }, index) => {
    try {
      return action(parsed, answers[index]);
    } catch (error) {
      if (fault("poisoned-record")) throw error;
      return { kind: "broken", reason: String(error) };
    }
  });
}

/** The part of a member that names what the entry is of. */
type Named = { readonly project: string; readonly id: string } | undefined;

function action(entry: Named, answer: ScriptReply | undefined): DueAction {
  const [kind, ...rest] = Array.isArray(answer) ? answer : [];
  if (kind === "none" || kind === "left") return { kind };
  if (kind === "broken") return { kind, reason: String(rest[0]) };
  if (!entry) throw new Error(`reconcile answered "${String(kind)}" for what names nothing`);
  const { project, id } = entry;
  switch (kind) {
    case "run":
      return {
        kind,
        project,
        task: id,
        run: Number(rest[0]),
        attempt: Number(rest[1]),
        delay: Number(rest[2]),
        type: String(rest[3]),
        options: JSON.parse(String(rest[4])),
        ...(rest[5] && { given: String(rest[5]) }),
      };
    case "deliver":
      return {
        kind,
        project,
        delivery: id,
        attempt: Number(rest[0]),
        delay: Number(rest[1]),
        ...(rest[2] && { endpointId: String(rest[2]) }),
        ...(rest[3] && { rateLimit: Number(rest[3]) }),
        ...(rest[4] && { given: String(rest[4]) }),
      };
    case "batch": {
      const record = readBatchFields(project, id, fieldsOf(rest[0]));
      if (!record) throw new Error("reconcile answered without a batch");
      return { kind, record };
    }
    case "expired":
    case "exhausted":
    case "silent": {
      const record = readTaskState(project, id, fieldsOf(rest[2]));
      if (!record) throw new Error("reconcile answered without a task");
      return { kind, record, config: configOf(rest[1]), now: Number(rest[0]) };
    }
    default:
      throw new Error(`reconcile answered "${String(kind)}"`);
  }
}

/** Notes the message of each attempt. */
export async function given(context: Context, messages: readonly GivenMessage[]): Promise<void> {
  const keys = messages.map((one) => {
    const names = keysOf(one.project);
    return one.kind === "run" ? names.task(one.task) : names.delivery(one.delivery);
  });
  const notes = messages.map((one) =>
    one.kind === "run" ? `${one.run}.${one.attempt} ${one.message}` : `${one.attempt} ${one.message}`,
  );
  await context.worker(GIVEN, keys, notes);
}
