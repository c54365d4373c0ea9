import {
  DUE_GRACE,
  INDEX_RETENTION,
  INLINE_LIMIT,
  LEASE_GRACE,
  PUBLISH_HORIZON,
  TASK_RETENTION,
} from "../domain/limits.ts";
import type { TerminalStatus } from "../domain/status.ts";
import type { EndAnswer, EndCommand, NewDelivery, Outcome } from "../flow/store.ts";
import { configOf } from "./config.ts";
import type { Context } from "./context.ts";
import { readTaskFields } from "./fields.ts";
import { deliveryMember, hourOf, keysOf, taskMember } from "./keys.ts";
import { fieldsOf, type ScriptReply, script } from "./script.ts";

/** Ends an attempt: the task is queued again, or it ends and its deliveries are opened. */
export const END = script(
  "end",
  `
local due, task, proj, cfg = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local offset, nonce, member, run, outcome = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local authority, proof, attempt, version = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local actor, cause, ended, delay = ARGV[10], ARGV[11], ARGV[12], ARGV[13]
local ttl, input, output, ending = ARGV[14], KEYS[num(ARGV[15])], KEYS[num(ARGV[16])], KEYS[num(ARGV[17])]
local result, id = ARGV[18], ARGV[19]
local patch, opened = num(ARGV[20]), num(ARGV[21])
local t = now(offset)
local h, flat = hash(task)
if not h.status then return {'gone'} end
if h.nonce == nonce then return {'ended', h.was, h.seq, h.next} end
if h.run ~= run then return {'stale'} end
if TERMINAL[h.status] then return {'already', h.status} end
if authority == 'lease' and (h.status ~= 'running' or h.lease ~= proof or h.attempt ~= attempt) then return {'stale'} end
if authority == 'sequence' and h.seq ~= proof then return {'changed', ms(t), flat} end
if t >= num(h.deadline) and outcome ~= 'expired' then return {'deadline-passed'} end
if not MOVES[h.status .. '>' .. outcome] then return {'stale'} end
local p = hash(proj)
if version ~= '' and version ~= (p.cfgv or '0') then return {'config-changed', redis.call('GET', cfg) or ''} end
local seq = ms(num(h.seq) + 1)
local changes = {}
for i = 22, 21 + patch do changes[#changes + 1] = ARGV[i] end
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
change('status', outcome) change('seq', seq) change('lease', '') change('until', '0') change('sweep', '')
change('nonce', nonce) change('was', ms(t))
if outcome == 'queued' then
  local nextAt = t + delay
  local look = nextAt - t > ${PUBLISH_HORIZON} and nextAt - ${PUBLISH_HORIZON} or nextAt + ${DUE_GRACE}
  redis.call('ZADD', due, ms(math.min(look, num(h.deadline))), member)
  change('next', ms(nextAt))
  change('l:' .. seq, ms(t) .. ' ' .. run .. ' task.retrying ' .. actor .. ' ' .. cause)
  redis.call('HSET', task, unpack(changes))
  return {'ended', ms(t), seq, ms(nextAt)}
end
-- Deliveries first: key, member, lease length (0: nobody sends yet), how many words, the words.
local at, dues, hashes = 22 + patch, {}, {}
for _ = 1, opened do
  local key, entry, lease, words = KEYS[num(ARGV[at])], ARGV[at + 1], num(ARGV[at + 2]), num(ARGV[at + 3])
  local fields = {'status', 'pending', 'created', ended, 'next', ms(t), 'until', ms(lease > 0 and t + lease or 0)}
  for i = at + 4, at + 3 + words do fields[#fields + 1] = ARGV[i] end
  dues[#dues + 1] = ms(lease > 0 and t + lease + ${LEASE_GRACE} or t + ${DUE_GRACE})
  dues[#dues + 1] = entry
  hashes[#hashes + 1] = {key, fields}
  at = at + 4 + words
end
if #dues > 0 then redis.call('ZADD', due, unpack(dues)) end
for _, d in ipairs(hashes) do redis.call('HSET', d[1], unpack(d[2])) end
if output then redis.call('SET', output, result, 'PX', ttl) end
if input then redis.call('PEXPIRE', input, ttl) end
if ending then redis.call('ZADD', ending, h.created, id) redis.call('PEXPIRE', ending, '${INDEX_RETENTION}') end
change('ended', ended) change('expires', ms(num(ended) + ttl)) change('next', ended)
change('l:' .. seq, ended .. ' ' .. run .. ' task.' .. outcome .. ' ' .. actor .. ' ' .. cause)
redis.call('HSET', task, unpack(changes))
redis.call('ZREM', due, member)
local counter = 'n:' .. outcome
redis.call('HSET', proj, 'open', ms(math.max(0, num(p.open) - 1)), counter, ms(num(p[counter]) + 1))
redis.call('PEXPIRE', task, '${TASK_RETENTION}')
return {'ended', ms(t), seq, ended}
`,
);

type Terminal = Extract<Outcome, { kind: TerminalStatus }>;

export async function end(context: Context, command: EndCommand): Promise<EndAnswer> {
  const { record, authority, outcome } = command;
  const names = keysOf(record.project);
  const keys = [names.due, names.task(record.id), names.project, names.config];
  const terminal = outcome.kind === "retry" ? undefined : outcome;
  const large =
    terminal?.result !== undefined && terminal.result.length > INLINE_LIMIT ? terminal.result : undefined;
  const inputAt = terminal && record.input.placement === "key" ? keys.push(names.input(record.id)) : 0;
  const outputAt = large !== undefined ? keys.push(names.result(record.id, record.run)) : 0;
  const endingAt =
    terminal && terminal.kind !== "succeeded"
      ? keys.push(names.ending(hourOf(record.createdAt), terminal.kind))
      : 0;
  const patch = patchOf(outcome, large !== undefined);
  const deliveries = (terminal?.deliveries ?? []).flatMap((delivery) => {
    const words = deliveryFields(record.id, delivery);
    const at = keys.push(names.delivery(delivery.id));
    return [
      at,
      deliveryMember(record.project, delivery.id),
      delivery.lease?.length ?? 0,
      words.length,
      ...words,
    ];
  });
  const reply = await context.worker(END, keys, [
    context.offset,
    command.nonce,
    taskMember(record.project, record.id),
    record.run,
    terminal ? terminal.kind : "queued",
    authority.by,
    authority.by === "lease" ? authority.lease : authority.sequence,
    authority.by === "lease" ? authority.attempt : "",
    command.configVersion ?? "",
    command.actor,
    command.cause ?? "",
    terminal ? terminal.endedAt.toFixed(0) : "",
    outcome.kind === "retry" ? outcome.delay : 0,
    terminal?.resultTtl ?? 0,
    inputAt,
    outputAt,
    endingAt,
    large ?? "",
    record.id,
    patch.length,
    terminal?.deliveries.length ?? 0,
    ...patch,
    ...deliveries,
  ]);
  return answer(command, reply);
}

/** What the task's hash learns of its outcome. */
function patchOf(outcome: Outcome, large: boolean): string[] {
  if (outcome.kind === "retry") return ["err", JSON.stringify(outcome.error)];
  return [
    "err",
    outcome.error ? JSON.stringify(outcome.error) : "",
    "dels",
    outcome.deliveries.map((delivery) => delivery.id).join(","),
    ...resultFields(outcome, large),
  ];
}

function resultFields(outcome: Terminal, large: boolean): string[] {
  if (outcome.result === undefined) return [];
  return large ? ["outl", "1"] : ["out", outcome.result];
}

function deliveryFields(task: string, delivery: NewDelivery): string[] {
  return [
    "task",
    task,
    "event",
    delivery.eventId,
    "type",
    delivery.eventType,
    "url",
    delivery.url,
    "body",
    delivery.body,
    "attempt",
    delivery.lease ? "1" : "0",
    "lease",
    delivery.lease?.id ?? "",
    ...(delivery.endpointId ? ["endpoint", delivery.endpointId] : []),
    ...(delivery.traceparent ? ["trace", delivery.traceparent] : []),
  ];
}

function answer(command: EndCommand, [code, ...rest]: readonly ScriptReply[]): EndAnswer {
  const { project, id } = command.record;
  switch (code) {
    case "ended":
      return { kind: code, now: Number(rest[0]), sequence: Number(rest[1]), nextAt: Number(rest[2]) };
    case "gone":
    case "stale":
    case "deadline-passed":
      return { kind: code };
    case "already":
      return { kind: code, status: String(rest[0]) as TerminalStatus }; // the script checked it against TERMINAL
    case "changed": {
      const record = readTaskFields(project, id, fieldsOf(rest[1]));
      return record ? { kind: code, now: Number(rest[0]), record } : { kind: "gone" };
    }
    case "config-changed":
      return { kind: code, config: configOf(rest[0]) };
    default:
      throw new Error(`end answered "${code}"`);
  }
}
