import type { EndAnswer, EndCommand, Outcome } from "../../../ports/task-commands.ts";
import { system } from "../../../projects/principal.ts";
import { fault } from "../../../shared/fault-point.ts";
import {
  DUE_GRACE,
  IDEMPOTENCY_TTL,
  INDEX_RETENTION,
  INLINE_LIMIT,
  PUBLISH_HORIZON,
  TASK_RETENTION,
} from "../../../shared/limits.ts";
import type { TaskRecord } from "../../../tasks/record.ts";
import type { TerminalStatus } from "../../../tasks/status.ts";
import type { Context } from "../context.ts";
import { heldOf, OPENING, openingArgs } from "../deliveries/opening.ts";
import { readTaskFields } from "../fields.ts";
import { hourOf, keysOf, taskMember } from "../keys.ts";
import { configOf } from "../projects/config.ts";
import { proofOf } from "../proof.ts";
import { fieldsOf, named, type ScriptReply, script } from "../script.ts";

/**
 * Ends an attempt: the task is queued again, waits for its completion, or ends and its deliveries are opened.
 * Entitled are the lease's holder, the token of this run and attempt, and whoever read the newest sequence.
 */
export const END = script(
  "end",
  `${OPENING}
local due, task, proj, cfg = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local a, at = named(ARGV) -- offset nonce member run to by proof attempt version actor cause ended delay heartbeat
-- ttl input output ending result id key secret running fingerprint idem opened shared fields deliveries
local t = now(a.offset)
local opening, grant, counter = at + num(a.fields), 'k:' .. a.key, 'n:' .. a.to
local p = some(proj, placesOf(ARGV, opening, num(a.deliveries), {grant, counter, 'cfgv', 'open'}))
if a.key ~= '' then
  local no = denied(p[grant], a.secret, 'tasks:write', t)
  if no then return {no} end
end
local h, flat = hash(task)
if not h.status then return {'gone'} end
local input, output, ending = KEYS[num(a.input)], KEYS[num(a.output)], KEYS[num(a.ending)]
-- The index comes last: a task that it lacks has ended all the same.
local function fileEnding()
  if ending then file(ending, h.created, a.id .. '|' .. h.type, '${INDEX_RETENTION}') end
end
if h.nonce == a.nonce then
  if h.status == a.to then fileEnding() end
  if ${fault("miscounted")} and TERMINAL[h.status] then redis.call('HINCRBY', proj, counter, '1') end
  return {'ended', h.was, h.seq, h.next, h.heldback or ''}
end
local idem = KEYS[num(a.idem)]
local known = idem and redis.call('GET', idem)
if known then return {string.match(known, '^%S+') == a.fingerprint and 'repeated' or 'reused', ms(t), flat} end
local function remember()
  if idem then undone('DEL', idem) redis.call('SET', idem, a.fingerprint .. ' ' .. a.id, 'PX', '${IDEMPOTENCY_TTL}') end
end
if h.run ~= a.run then return {'stale'} end
if ${fault("ends-again")} and TERMINAL[h.status] then h.status, h.lease, h.attempt = 'running', a.proof, a.attempt end
if TERMINAL[h.status] then
  if h.status == a.to then remember() end
  return {'already', h.status}
end
local isHolder = h.lease == a.proof and h.attempt == a.attempt or ${fault("no-fence-in-end")}
if a.by == 'lease' and not (h.status == 'running' and isHolder) then return {'stale'} end
if a.by == 'token' and (h.status == 'queued' or h.attempt ~= a.attempt) then return {'stale'} end
if a.by ~= 'lease' and h.seq ~= a.proof then return {'changed', ms(t), flat} end
if t >= num(h.deadline) and a.to ~= 'expired' and not ${fault("no-deadline-in-end")} then return {'deadline-passed'} end
if a.to == 'queued' and t + a.delay >= num(h.deadline) then return {'deadline-passed'} end -- it could never start
if not MOVES[h.status .. '>' .. a.to] then return {'stale'} end
if a.version ~= '' and a.version ~= (p.cfgv or '0') then return {'config-changed', redis.call('GET', cfg) or ''} end
local seq = ms(num(h.seq) + 1)
local changes = {}
for i = at, opening - 1 do changes[#changes + 1] = ARGV[i] end
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
change('status', a.to) change('seq', seq) change('lease', '') change('until', '0') change('sweep', '')
change('nonce', a.nonce) change('was', ms(t))
-- Whoever lost the lease may still be at work: its place in its type's set goes with the lease.
local running = a.by == 'lease' and KEYS[num(a.running)]
if h.held == '1' then change('held', '') end
-- Others may have been announced since the caller read the task.
local function append(name, more)
  if more ~= '' then change(name, (h[name] or '') == '' and more or h[name] .. ',' .. more) end
end
append('dels', a.opened) append('evs', a.shared)
if not TERMINAL[a.to] then
  local nextAt, look, entry = t + a.delay, num(h.deadline), 'task.waiting'
  if a.to == 'queued' then
    look = nextAt - t > ${PUBLISH_HORIZON} and nextAt - ${PUBLISH_HORIZON} or nextAt + ${DUE_GRACE}
    entry = 'task.retrying'
  elseif num(a.heartbeat) > 0 then
    look = t + a.heartbeat
  end
  if h.beat or num(a.heartbeat) > 0 then
    change('beat', a.heartbeat) change('beatby', num(a.heartbeat) > 0 and ms(look) or '')
  end
  local held, circuits
  together(function()
    undone('ZADD', due, ms(t), a.member)
    redis.call('ZADD', due, ms(math.min(look, num(h.deadline))), a.member)
    held, circuits = open(due, t, ms(t), ARGV, opening, num(a.deliveries), p)
    if #circuits > 0 then redis.call('HSET', proj, unpack(circuits)) end
    if held ~= '' or h.heldback then change('heldback', held) end
    change('next', ms(nextAt))
    change('l:' .. seq, ms(t) .. ' ' .. a.run .. ' ' .. entry .. ' ' .. a.actor .. ' ' .. a.cause)
    redis.call('HSET', task, unpack(changes))
  end)
  if running then redis.call('ZREM', running, a.member) end
  notify(task, h, t, a.to)
  return {'ended', ms(t), seq, ms(nextAt), held}
end
if ${fault("told-not-written")} then return {'ended', ms(t), seq, a.ended, ''} end
local held, circuits
together(function()
  held, circuits = open(due, t, a.ended, ARGV, opening, num(a.deliveries), p)
  if held ~= '' or h.heldback then change('heldback', held) end
  if output then undone('DEL', output) redis.call('SET', output, a.result, 'PX', a.ttl) end
  remember()
  undone('HSET', proj, 'open', p.open or '0', counter, p[counter] or '0')
  redis.call('HSET', proj, 'open', ms(math.max(0, num(p.open) - 1)), counter, ms(num(p[counter]) + 1), unpack(circuits))
  if input then undone('PERSIST', input) redis.call('PEXPIRE', input, a.ttl) end
  undone('PERSIST', task)
  redis.call('PEXPIRE', task, '${fault("forgetful") ? 1_000 : TASK_RETENTION}')
  change('ended', a.ended) change('expires', ms(num(a.ended) + a.ttl)) change('next', a.ended)
  change('l:' .. seq, a.ended .. ' ' .. a.run .. ' task.' .. a.to .. ' ' .. a.actor .. ' ' .. a.cause)
  redis.call('HSET', task, unpack(changes))
end)
notify(task, h, t, a.to)
if not ${fault("due-for-ever-in-end")} then redis.call('ZREM', due, a.member) end
if running then redis.call('ZREM', running, a.member) end
fileEnding()
return {'ended', ms(t), seq, a.ended, held}
`,
);

type Terminal = Extract<Outcome, { kind: TerminalStatus }>;

export async function end(context: Context, command: EndCommand): Promise<EndAnswer> {
  const { record, authority, outcome, idempotency } = command;
  const names = keysOf(record.project);
  const keys = [names.due, names.task(record.id), names.project, names.config];
  const fields = changesOf(command);
  const deliveries = outcome.kind === "retry" ? [] : outcome.deliveries;
  const { args, bodies } = openingArgs(context, keys, record.project, deliveries);
  const reply = await context.worker(END, keys, [
    ...named({
      offset: context.offset,
      nonce: command.nonce,
      member: taskMember(record.project, record.id),
      run: record.run,
      to: outcome.kind === "retry" ? "queued" : outcome.kind,
      by: authority.by,
      proof: authority.by === "lease" ? authority.lease : authority.sequence,
      attempt: authority.by === "sequence" ? "" : authority.attempt,
      version: command.configVersion ?? "",
      actor: command.actor,
      cause: command.cause ?? "",
      delay: outcome.kind === "retry" ? outcome.delay : 0,
      heartbeat: outcome.kind === "waiting" ? (outcome.heartbeat ?? 0) : 0,
      ...endingArgs(keys, record, outcome),
      id: record.id,
      ...proofOf(authority.by === "sequence" ? authority.caller : system(record.project)),
      running: record.held ? keys.push(names.running(record.type)) : 0,
      fingerprint: idempotency?.fingerprint ?? "",
      idem: idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0,
      opened: deliveries.map(({ id }) => id).join(","),
      shared: bodies.join(","),
      fields: fields.length,
      deliveries: deliveries.length,
    }),
    ...fields,
    ...args,
  ]);
  return answer(command, reply);
}

/** What only a terminal outcome has; the keys that it needs are added to `keys`. */
function endingArgs(keys: string[], record: TaskRecord, outcome: Outcome) {
  if (outcome.kind === "retry" || outcome.kind === "waiting") {
    return { ended: "", ttl: 0, input: 0, output: 0, ending: 0, result: "" };
  }
  const names = keysOf(record.project);
  const { result = "", kind } = outcome;
  const large = isLarge(outcome);
  return {
    ended: outcome.endedAt.toFixed(0),
    ttl: outcome.resultTtl,
    input: record.input.placement === "key" ? keys.push(names.input(record.id)) : 0,
    output: large ? keys.push(names.result(record.id, record.run)) : 0,
    ending: kind === "succeeded" ? 0 : keys.push(names.ending(hourOf(record.createdAt), kind)),
    result: large ? result : "",
  };
}

function isLarge({ result }: Terminal): boolean {
  return result !== undefined && result.length > INLINE_LIMIT;
}

/** What the task's hash learns of its outcome. */
function changesOf({ record, outcome, progress }: EndCommand): readonly string[] {
  const said = progress ? ["progress", JSON.stringify(progress)] : [];
  if (outcome.kind === "waiting") {
    const { poll: next } = outcome;
    const poll = next ? ["poll", `${record.run}.${record.attempt} 1 ${next.url} - ${next.service}`] : [];
    return [...said, ...poll];
  }
  const error = ["err", outcome.error ? JSON.stringify(outcome.error) : ""];
  return [...said, ...error, ...(outcome.kind === "retry" ? [] : resultFields(outcome))];
}

function resultFields(outcome: Terminal): readonly string[] {
  if (outcome.result === undefined) return [];
  return isLarge(outcome) ? ["outl", "1"] : ["out", outcome.result];
}

function answer(command: EndCommand, [code, ...rest]: readonly ScriptReply[]): EndAnswer {
  const { project, id } = command.record;
  switch (code) {
    case "ended":
      return {
        kind: code,
        now: Number(rest[0]),
        sequence: Number(rest[1]),
        nextAt: Number(rest[2]),
        held: heldOf(rest[3]),
      };
    case "gone":
    case "stale":
    case "deadline-passed":
    case "unauthenticated":
    case "forbidden":
      return { kind: code };
    case "already":
      return { kind: code, status: String(rest[0]) as TerminalStatus }; // the script checked it against TERMINAL
    case "changed":
    case "repeated":
    case "reused": {
      const record = readTaskFields(project, id, fieldsOf(rest[1]));
      return record ? { kind: code, now: Number(rest[0]), record } : { kind: "gone" };
    }
    case "config-changed":
      return { kind: code, config: configOf(rest[0]) };
    default:
      throw new Error(`end answered "${code}"`);
  }
}
