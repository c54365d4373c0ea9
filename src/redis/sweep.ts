import {
  CRASHES,
  DUE_GRACE,
  LEASE_GRACE,
  PUBLISH_HORIZON,
  SWEEP_BACKOFF_LIMIT,
  SWEEP_BATCH,
} from "../domain/limits.ts";
import type { DueAction } from "../flow/task-commands.ts";
import type { Context } from "./context.ts";
import { dueKey, keysOf, parseMember } from "./keys.ts";
import { type ScriptReply, script } from "./script.ts";

/** Reads what is due; changes nothing, so a lost answer costs nothing. */
export const TAKE = script(
  "take",
  `
local due, offset, most = KEYS[1], ARGV[1], ARGV[2]
return redis.call('ZRANGEBYSCORE', due, '-inf', ms(now(offset)), 'LIMIT', '0', most)
`,
);

/** Says of each due entry what has to be done, and puts off the next look at it. */
export const INSPECT = script(
  "inspect",
  `
local due, offset, nonce = KEYS[1], ARGV[1], ARGV[2]
local t = now(offset)
local answers, dues, drops = {}, {}, {}
-- A task is looked at no later than its deadline, so that it expires on time.
local function look(member, at, deadline)
  if deadline and deadline > t then at = math.min(at, deadline) end
  dues[#dues + 1] = ms(at)
  dues[#dues + 1] = member
end
-- The n-th sweep in a row that finds nothing moved waits 2^n times as long; a repeated nonce counts once.
local function again(key, h, member, nextAt)
  local count, last = string.match(h.sweep or '', '^(%d+) (%S+)$')
  local n = num(count)
  if last ~= nonce then
    if count then n = n + 1 end
    redis.call('HSET', key, 'sweep', ms(n) .. ' ' .. nonce)
  end
  look(member, math.max(t, nextAt) + math.min(${SWEEP_BACKOFF_LIMIT}, ${DUE_GRACE} * 2 ^ n), tonumber(h.deadline or ''))
end
local function inspectTask(key, member, h)
  if not h.status or TERMINAL[h.status] then drops[#drops + 1] = member return {'none'} end
  if t >= num(h.deadline) then again(key, h, member, t) return {'expired'} end
  if h.status == 'running' then
    if num(h['until']) > t then look(member, num(h['until']) + ${LEASE_GRACE}, num(h.deadline)) return {'none'} end
    again(key, h, member, t)
    if num(h.crashes) >= ${CRASHES} then return {'exhausted'} end
    return {'run', h.run, h.attempt, '0', h.type, h.opt}
  end
  if h.status == 'waiting' then
    if num(h.beatby) == 0 then look(member, num(h.deadline)) return {'none'} end
    if num(h.beatby) > t then look(member, num(h.beatby), num(h.deadline)) return {'none'} end
    again(key, h, member, t)
    return {'silent'}
  end
  local nextAt = num(h.next)
  if nextAt - t > ${PUBLISH_HORIZON} then look(member, nextAt - ${PUBLISH_HORIZON}, num(h.deadline)) return {'none'} end
  again(key, h, member, nextAt)
  return {'run', h.run, ms(num(h.attempt) + 1), ms(math.max(0, nextAt - t)), h.type, h.opt}
end
local function inspectDelivery(key, member, d)
  if d.status ~= 'pending' then drops[#drops + 1] = member return {'none'} end
  if num(d['until']) > t then look(member, num(d['until']) + ${LEASE_GRACE}) return {'none'} end
  local lapsed = d.lease and d.lease ~= ''
  local nextAt = lapsed and t or num(d.next)
  if nextAt - t > ${PUBLISH_HORIZON} then look(member, nextAt - ${PUBLISH_HORIZON}) return {'none'} end
  again(key, d, member, nextAt)
  local attempt = lapsed and d.attempt or ms(num(d.attempt) + 1)
  return {'deliver', attempt, ms(math.max(0, nextAt - t)), d.endpoint or '', d.rate or ''}
end
for i = 2, #KEYS do
  local key, member = KEYS[i], ARGV[i + 1]
  local h = hash(key)
  if string.sub(member, 1, 1) == 't' then answers[#answers + 1] = inspectTask(key, member, h)
  else answers[#answers + 1] = inspectDelivery(key, member, h) end
end
if #dues > 0 then redis.call('ZADD', due, unpack(dues)) end
if #drops > 0 then redis.call('ZREM', due, unpack(drops)) end
return answers
`,
);

export async function take(context: Context, partition: number): Promise<readonly string[]> {
  const members = await context.worker(TAKE, [dueKey(partition)], [context.offset, SWEEP_BATCH]);
  return members.map(String);
}

export async function inspect(
  context: Context,
  partition: number,
  members: readonly string[],
  nonce: string,
): Promise<readonly DueAction[]> {
  const known = members.flatMap((member) => {
    const parsed = parseMember(member);
    return parsed ? [{ member, ...parsed }] : [];
  });
  const keys = known.map(({ kind, project, id }) => {
    const names = keysOf(project);
    return kind === "t" ? names.task(id) : names.delivery(id);
  });
  const answers = await context.worker(
    INSPECT,
    [dueKey(partition), ...keys],
    [context.offset, nonce, ...known.map(({ member }) => member)],
  );
  return known.map(({ project, id }, index) => action(project, id, answers[index]));
}

function action(project: string, id: string, answer: ScriptReply | undefined): DueAction {
  const [kind, ...rest] = Array.isArray(answer) ? answer : [];
  switch (kind) {
    case "none":
      return { kind };
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
      };
    case "expired":
    case "exhausted":
    case "silent":
      return { kind, project, task: id };
    default:
      throw new Error(`inspect answered "${String(kind)}"`);
  }
}
