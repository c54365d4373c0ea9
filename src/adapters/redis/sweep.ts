import type { DueAction, GivenMessage } from "../../ports/sweep-commands.ts";
import { fault } from "../../shared/fault-point.ts";
import {
  CRASHES,
  DUE_GRACE,
  LEASE_GRACE,
  PUBLISH_HORIZON,
  SWEEP_BACKOFF_LIMIT,
  SWEEP_BATCH,
} from "../../shared/limits.ts";
import type { Context } from "./context.ts";
import { readTaskFields } from "./fields.ts";
import { dueKey, keysOf, parseMember } from "./keys.ts";
import { configOf } from "./projects/config.ts";
import { fieldsOf, named, type ScriptReply, script } from "./script.ts";

/** Reads what is due; changes nothing, so a lost answer costs nothing. */
export const PEEK_DUE = script(
  "peekDue",
  `
local due, offset, most = KEYS[1], ARGV[1], ARGV[2]
return redis.call('ZRANGEBYSCORE', due, '-inf', ms(now(offset)), 'LIMIT', '0', ${fault("unbounded-peek") ? -1 : "most"})
`,
);

/**
 * Says of each due entry what has to be done, and puts off the next look at it. What is not due (another sweep was
 * faster) is left alone; so is what costs requests beyond the caller's budget, for the next sweep. An entry that
 * cannot be understood is put off like any other, and holds up none.
 */
export const RECONCILE = script(
  "reconcile",
  `
local due = KEYS[1]
local a, at = named(ARGV) -- offset nonce most; then per entry: its member, the places of its hash and of its project's cfg
local t, most = now(a.offset), num(a.most)
local entries, members, answers, dues, drops, sweeps = {}, {}, {}, {}, {}, {}
for i = at, #ARGV, 3 do
  members[#members + 1] = ARGV[i]
  entries[#entries + 1] = {member = ARGV[i], key = KEYS[num(ARGV[i + 1])], config = KEYS[num(ARGV[i + 2])]}
end
local scores = redis.call('ZMSCORE', due, unpack(members))
-- A task is looked at no later than its deadline, so that it expires on time.
local function look(e, time, deadline)
  if deadline and deadline > t then time = math.min(time, deadline) end
  e.look = time
  return {'none'}
end
local function drop(e) e.drop = true return {'none'} end
-- The n-th sweep in a row that finds nothing moved waits 2^n times as long; a repeated nonce counts once.
local function again(e, h, nextAt, answer)
  local count, last = string.match(h.sweep or '', '^(%d+) (%S+)$')
  local n = num(count)
  if last ~= a.nonce then
    if count then n = n + 1 end
    e.sweep = ms(n) .. ' ' .. a.nonce
  end
  look(e, math.max(t, nextAt) + math.min(${SWEEP_BACKOFF_LIMIT}, ${DUE_GRACE} * 2 ^ n), tonumber(h.deadline or ''))
  return answer
end
-- What costs a request or more of its own: done while the budget lasts, else left due.
local function costly(e, h, nextAt, answer)
  if most <= 0 then return {'left'} end
  most = most - 1
  return again(e, h, nextAt, answer)
end
-- The attempt's message; where the queue was given one that it may still hold, the caller asks it first.
local function message(e, h, nextAt, mark, answer)
  local given = string.match(h.msg or '', '^' .. string.gsub(mark, '%.', '%%.') .. ' (%S+)$')
  answer[#answer + 1] = given or ''
  return (given and costly or again)(e, h, nextAt, answer)
end
-- Ends it: its task without its payloads, which nobody needs for that.
local function ending(e, h, code)
  local rest = {}
  for name, value in pairs(h) do
    if name ~= 'in' and name ~= 'out' then rest[#rest + 1] = name; rest[#rest + 1] = value end
  end
  return costly(e, h, t, {code, ms(t), redis.call('GET', e.config) or '', rest})
end
local function inspectTask(e, h)
  if not h.status or TERMINAL[h.status] then return drop(e) end
  if t >= num(h.deadline) and not ${fault("no-deadline-in-sweep")} then return ending(e, h, 'expired') end
  if h.status == 'running' then
    if num(h['until']) > t then return look(e, num(h['until']) + ${LEASE_GRACE}, num(h.deadline)) end
    if num(h.crashes) >= ${CRASHES} then return ending(e, h, 'exhausted') end
    return message(e, h, t, h.run .. '.' .. h.attempt, {'run', h.run, h.attempt, '0', h.type, h.opt})
  end
  if h.status == 'waiting' then
    if num(h.beatby) == 0 then return look(e, num(h.deadline)) end
    if num(h.beatby) > t then return look(e, num(h.beatby), num(h.deadline)) end
    return ending(e, h, 'silent')
  end
  local nextAt, attempt = num(h.next), ms(num(h.attempt) + 1)
  if nextAt - t > ${PUBLISH_HORIZON} then return look(e, nextAt - ${PUBLISH_HORIZON}, num(h.deadline)) end
  return message(e, h, nextAt, h.run .. '.' .. attempt,
    {'run', h.run, attempt, ms(math.max(0, nextAt - t)), h.type, h.opt})
end
local function inspectDelivery(e, d)
  if d.status ~= 'pending' then return drop(e) end
  if num(d['until']) > t then return look(e, num(d['until']) + ${LEASE_GRACE}) end
  local lapsed = d.lease and d.lease ~= ''
  local nextAt = lapsed and t or num(d.next)
  if nextAt - t > ${PUBLISH_HORIZON} then return look(e, nextAt - ${PUBLISH_HORIZON}) end
  local attempt = lapsed and d.attempt or ms(num(d.attempt) + 1)
  return message(e, d, nextAt, attempt, {'deliver', attempt, ms(math.max(0, nextAt - t)), d.endpoint or '', d.rate or ''})
end
local function inspect(e, score)
  local isDue = score and score <= t
  if not e.key then
    if not isDue then return {'none'} end
    look(e, t + ${SWEEP_BACKOFF_LIMIT})
    return {'broken', 'it names nothing'}
  end
  local h = hash(e.key)
  local _, last = string.match(h.sweep or '', '^(%d+) (%S+)$')
  -- A repeated nonce is answered again as it was: its first answer may be lost.
  if not isDue and last ~= a.nonce and not ${fault("double-look")} then return {'none'} end
  return (string.sub(e.member, 1, 1) == 't' and inspectTask or inspectDelivery)(e, h)
end
for i, e in ipairs(entries) do
  local ok, answer = pcall(inspect, e, tonumber(scores[i] or ''))
  if not ok and ${fault("poisoned-script")} then error(answer, 0) end
  if not ok then
    e.look, e.sweep = t + ${SWEEP_BACKOFF_LIMIT}, nil
    answer = {'broken', type(answer) == 'table' and answer.err or tostring(answer)}
  end
  answers[i] = answer
  if e.look then dues[#dues + 1] = ms(e.look); dues[#dues + 1] = e.member end
  if e.drop then drops[#drops + 1] = e.member end
end
if #dues > 0 then redis.call('ZADD', due, 'XX', unpack(dues)) end
if #drops > 0 and not ${fault("due-for-ever-in-sweep")} then redis.call('ZREM', due, unpack(drops)) end
for _, e in ipairs(entries) do
  if e.sweep then redis.call('HSET', e.key, 'sweep', e.sweep) end
end
return answers
`,
);

/**
 * Notes which message the queue was given for an attempt, so that the next look can ask whether it is still held. What
 * was erased meanwhile stays so.
 */
export const GIVEN = script(
  "given",
  `
for i, key in ipairs(KEYS) do
  if redis.call('HEXISTS', key, 'status') == 1 then redis.call('HSET', key, 'msg', ARGV[i]) end
end
return {}
`,
);

export async function peekDue(context: Context, partition: number): Promise<readonly string[]> {
  const members = await context.worker(PEEK_DUE, [dueKey(partition)], [context.offset, SWEEP_BATCH]);
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
  const keys = [dueKey(partition)];
  const configs = new Map<string, number>();
  const entries = members.map((member) => ({ member, parsed: parseMember(member) }));
  const args = entries.flatMap(({ member, parsed }) => {
    if (!parsed) return [member, 0, 0];
    const { kind, project, id } = parsed;
    const names = keysOf(project);
    const place = keys.push(kind === "t" ? names.task(id) : names.delivery(id));
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
    case "expired":
    case "exhausted":
    case "silent": {
      const record = readTaskFields(project, id, fieldsOf(rest[2]));
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
    return "task" in one ? names.task(one.task) : names.delivery(one.delivery);
  });
  const notes = messages.map((one) =>
    "task" in one ? `${one.run}.${one.attempt} ${one.message}` : `${one.attempt} ${one.message}`,
  );
  await context.worker(GIVEN, keys, notes);
}
