import type { AcceptAnswer, AcceptCommand, RateState } from "../../../ports/commands/task.ts";
import { isPaused } from "../../../projects/project-config.ts";
import { fault } from "../../../shared/fault-point.ts";
import {
  DUE_GRACE,
  HOURS_KEPT,
  IDEMPOTENCY_TTL,
  INLINE_LIMIT,
  LEASE_GRACE,
  PUBLISH_HORIZON,
} from "../../../shared/limits.ts";
import { listingOf } from "../../../tasks/retention.ts";
import type { Context } from "../context.ts";
import { newTaskFields, readTaskFields } from "../fields.ts";
import { ERASED, hourOf, keysOf, taskMember } from "../keys.ts";
import type { KeptConfig } from "../projects/kept-configs.ts";
import { proofOf } from "../proof.ts";
import { fieldsOf, fits, named, type Runner, script } from "../script.ts";
import { LISTED } from "./pause.ts";
import { searchablePairs } from "./search.ts";

/** Stores a task with everything that keeps it: due entry, indexes, first timeline entry, counters. */
export const ACCEPT = script(
  "accept",
  `
-- KEYS
--   due            due set of the partition
--   project        hash of the project
--   task           hash of the task
--   index          tasks accepted in this hour
--   hours          hours that have tasks
--   lateHours      hours whose tasks were replayed late
--   idempotency?   record of the idempotency key
--   input?         the input, when it is large
--   batch?         hash of the batch that it belongs to
--   config?        configuration of the project, when the first attempt is leased
--   metadata…      index of each pair of searched metadata
-- ARGV
--   offset         ms added to Redis's clock
--   key, secret    id of the API key, SHA-256 of its secret
--   scope          what the API key must be allowed to do
--   member         the task's member of the due set
--   id, type       id and type of the task
--   hour           hours since 1970, as the caller's clock has it
--   rate           tasks per second, where the project has no limit of its own
--   quota          open tasks, where the project has no limit of its own
--   delay          ms until the start
--   at             time of the start, ms; empty: after the delay
--   deadline       ms from the start to the deadline
--   fingerprint    fingerprint of the request under the idempotency key
--   idempotency    place of that key in KEYS
--   input          place of that key in KEYS
--   batch          place of that key in KEYS
--   config         place of that key in KEYS
--   lease          name of the first attempt's lease; empty: the attempt goes through the queue
--   length         ms of that lease
--   stamp          version and nonce of the configuration that the caller has kept; empty: none
--   searchable     number of pairs of searched metadata
--   listed         ms from its start for which the task may have to be listed
--   usual          1: no task of the hour needs less; else empty
--   watch          ms for which changes are published; 0: not
--   …              per such pair: its name, the place of its index in KEYS; then fields and values of the task; then a
--                  large input
-- RETURNS
--   accepted, <now>, <limit>, <remaining>, <reset>, <task>, <starts>, <paused>
--                           accepted now or before; state of the rate; fields and values; 1 when starts are events;
--                           JSON of the paused types
--   begun, <now>, <limit>, <remaining>, <reset>, <task>, <starts>, <paused>, <stamp>, <config>
--                           the same, and the first attempt is the caller's; the configuration's version and nonce;
--                           \`<version> <JSON>\`, empty when the caller has it
--   replayed, <id>          the same request made this task under the idempotency key
--   reused, <id>            another request made this task under the idempotency key
--   erased, <id>            the task was accepted before, and erased since
--   batch-closed            its batch has completed, or is gone
--   key-required            the project requires an idempotency key, and there is none
--   hour, <now>             Redis's clock is in another hour
--   quota, <quota>, <limit>, <remaining>, <reset>
--                           the project has that many open tasks
--   rate-limited, <wait>, <limit>
--                           too fast: ms to wait
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks the scope; there is no such project
${LISTED}
local dueKey, projectKey, taskKey, indexKey, hoursKey, lateHoursKey =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local args, rest = named(ARGV)
local idempotencyKey, inputKey = KEYS[number(args.idempotency)], KEYS[number(args.input)]
local batchKey = KEYS[number(args.batch)]
local configKey = KEYS[number(args.config)]
local now = clock(args.offset)
local grant = proofField(args.key)
local wanted = {grant, 'rate', 'quota', 'tat', 'open', 'starts', 'hour', 'search', 'needkey', 'paused', 'cfgv', 'cfgn'}
local project = ${fault("reads-every-key")} and hash(projectKey) or some(projectKey, wanted)
local refusal = denied(project[grant], args.secret, args.scope, now)
if refusal then return {refusal} end
-- Generic cell rate algorithm, a burst of one second; arrival is the theoretical arrival time.
local limit, quota = number(project.rate or args.rate), number(project.quota or args.quota)
local interval = 1000.0 / limit
local arrival = math.max(number(project.tat), now)
local function remaining() return integer((now + 1000 - arrival) / interval) end
local function reset() return integer(arrival - now) end
local batch = batchKey and some(batchKey, {'status', 'total', 'left'})
-- Why there can be no new task, or nil. A repetition is answered first, also when there is a reason.
local function obstacle()
  if project.needkey and not idempotencyKey then return {'key-required'} end
  if batch and (batch.status or 'completed') == 'completed' then return {'batch-closed'} end
  if math.floor(now / 3600000) ~= number(args.hour) then return {'hour', integer(now)} end
  if number(project.open) >= quota then return {'quota', integer(quota), integer(limit), remaining(), reset()} end
  local wait = arrival + interval - now - 1000
  if wait > 0 then return {'rate-limited', integer(math.ceil(wait)), integer(limit)} end
end
local refused = obstacle()
-- Sent before, by us or by the client under the same idempotency key? If nothing refuses the task, one command asks for
-- the record and writes it. Where that is not possible, as in a full database, a record is still found.
local isRecorded, isTaken, known = idempotencyKey and not ${fault("no-idempotency-record")}, false, false
local function remember(...)
  undone('DEL', idempotencyKey)
  return redis.pcall('SET', idempotencyKey, args.fingerprint .. ' ' .. args.id, 'PX', '${IDEMPOTENCY_TTL}', ...)
end
if idempotencyKey then
  local taken = isRecorded and not refused and remember('NX')
  local failed = failure(taken)
  isTaken = taken and not failed
  local record = not isTaken and redis.call('GET', idempotencyKey)
  if record then
    local fingerprint, other = string.match(record, '^(%S+) (%S+)$')
    if fingerprint == '${ERASED}' then return {'erased', other} end
    if other ~= args.id then
      local isSame = fingerprint == args.fingerprint or ${fault("no-fingerprint")}
      return {isSame and 'replayed' or 'reused', other}
    end
    known = not ${fault("no-dedup")}
  elseif failed then
    error(failed, 0)
  end
else
  known = redis.call('HGET', taskKey, 'created')
  if known == '${ERASED}' then return {'erased', args.id} end
end
local searched = rest + 2 * number(args.searchable)
-- Forgets hours that no list needs, at most 100 a time; not those of tasks that were replayed late.
local function trimHours()
  local before = integer(args.hour - ${HOURS_KEPT})
  local passed, gone = redis.call('ZRANGEBYSCORE', hoursKey, '-inf', before, 'LIMIT', '0', '100'), {}
  if #passed == 0 then return end
  for i, kept in ipairs(redis.call('ZMSCORE', lateHoursKey, unpack(passed))) do
    if not kept then gone[#gone + 1] = passed[i] end
  end
  if #gone > 0 then redis.call('ZREM', hoursKey, unpack(gone)) end
end
-- The indexes come last: a task that one of them lacks is kept, runs, and is found by its id.
local function fileTask(created, start)
  local entry, first = args.id .. '|' .. args.type, project.hour ~= args.hour
  local wait = start - created > 86400000 and start - created or 0
  local ttl = wait + args.listed
  local function fileIn(set, hasTtl)
    redis.call('ZADD', set, integer(created), entry)
    if hasTtl and wait == 0 and args.usual == '1' or number(redis.pcall('PTTL', set)) >= ttl - 3600000 then return end
    lasting(set, entry, integer(ttl))
  end
  if first then
    redis.call('ZADD', hoursKey, args.hour, args.hour)
    trimHours()
  end
  fileIn(indexKey, not first and not known)
  -- Metadata that the project searches by: name and number of the pair's index key.
  if project.search then
    for i = rest, searched - 2, 2 do
      local isSearched = string.find(',' .. project.search .. ',', ',' .. ARGV[i] .. ',', 1, true)
      if isSearched then fileIn(KEYS[number(ARGV[i + 1])]) end
    end
  end
  -- From now on the hour's index is known to have its TTL.
  if first then redis.call('HSET', projectKey, 'hour', args.hour) end
end
-- The caller has kept a configuration: the project's is read if it is another one.
local stamp, config = (project.cfgv or '0') .. ' ' .. (project.cfgn or ''), ''
local function readConfig()
  if stamp ~= args.stamp then config = redis.call('GET', configKey) or '' end
end
local function accepted(fields, isBegun)
  local answer = {isBegun and 'begun' or 'accepted', integer(now), integer(limit), remaining(), reset(), fields}
  answer[7], answer[8] = project.starts or '', project.paused or ''
  if isBegun then answer[9], answer[10] = stamp, config end
  return answer
end
if known then
  local task, flat = hash(taskKey)
  local isOfThisHour = math.floor(number(task.created) / 3600000) == number(args.hour)
  if isOfThisHour then fileTask(number(task.created), number(task.start)) end
  local isOurs = args.lease ~= '' and task.status == 'running' and task.lease == args.lease
  if isOurs then readConfig() end
  return accepted(flat, isOurs)
end
if refused then return refused end
arrival = arrival + interval
local start = args.at ~= '' and math.max(number(args.at), now) or now + args.delay
local look = start - now > ${PUBLISH_HORIZON} and start - ${PUBLISH_HORIZON} or start + ${DUE_GRACE}
-- Whether the first attempt begins here. Everything that holds starts back is asked in this place.
local isBegun = args.lease ~= '' and not isListed(project.paused, args.type)
local fields = {
  'status', isBegun and 'running' or 'queued', 'run', '1', 'seq', isBegun and '2' or '1',
  'attempt', isBegun and '1' or '0', 'created', integer(now), 'start', integer(start),
  'next', integer(start), 'deadline', integer(start + args.deadline), 'l:1', integer(now) .. ' 1 task.created client '
}
local function field(name, value) fields[#fields + 1] = name; fields[#fields + 1] = value end
if isBegun then
  local ends = now + (${fault("immediate-unleased")} and 0 or args.length)
  field('lease', args.lease) field('until', integer(ends)) field('started', integer(now))
  field('l:2', integer(now) .. ' 1 task.started worker ')
  look = ${fault("immediate-undue")} and start + args.deadline or ends + ${LEASE_GRACE}
end
if number(args.watch) > 0 then field('watch', integer(now + args.watch)) end
for i = searched, #ARGV - (inputKey and 1 or 0) do fields[#fields + 1] = ARGV[i] end
together(function()
  if isBegun then readConfig() end
  undone('ZREM', dueKey, args.member)
  local score = integer(math.min(look, start + args.deadline))
  if not ${fault("no-due-entry")} then redis.call('ZADD', dueKey, score, args.member) end
  if inputKey then undone('DEL', inputKey) redis.call('SET', inputKey, ARGV[#ARGV]) end
  -- The record that was there has ended between the two looks.
  if isRecorded and not isTaken then
    local failed = failure(remember())
    if failed then error(failed, 0) end
  end
  -- The batch counts it from now on.
  if batch then
    undone('HSET', batchKey, 'total', batch.total, 'left', batch.left)
    undone('HDEL', batchKey, 't:' .. args.id)
    redis.call('HSET', batchKey, 't:' .. args.id, '',
      'total', integer(number(batch.total) + 1), 'left', integer(number(batch.left) + 1))
  end
  undone('HSET', projectKey, 'open', project.open or '0', 'tat', project.tat or '0')
  redis.call('HSET', projectKey, 'open', integer(number(project.open) + 1), 'tat', string.format('%.3f', arrival))
  redis.call('HSET', taskKey, unpack(fields))
  if ${fault("mortal")} then redis.call('PEXPIRE', taskKey, '86400000') end
end)
fileTask(now, start)
return accepted(fields, isBegun)
`,
);

/** Sends `accept`; again when the edge's clock put the task into another hour than Redis did. */
export async function accept(context: Context, command: AcceptCommand): Promise<AcceptAnswer> {
  const kept = command.lease && context.configs.find(command.caller.project);
  const call = await callOf(context, command, hourOf(context.clock() + context.offset), kept);
  if (!fits(call)) return { kind: "too-large" };
  const [code, ...rest] = await context.adding(...call);
  if (code !== "hour") return answer(context, command, String(code), rest, kept);
  const [second, ...values] = await context.adding(
    ...(await callOf(context, command, hourOf(Number(rest[0])), kept)),
  );
  return answer(context, command, String(second), values, kept);
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
  const answers = commands.map((command, index): AcceptAnswer | Promise<AcceptAnswer> => {
    const reply = first[index]?.[0] === "hour" ? again[next++] : first[index];
    if (!reply) return { kind: "too-large" };
    const [code, ...rest] = reply;
    return answer(context, command, String(code), rest);
  });
  return Promise.all(answers);
}

/** A reply per command; undefined for one that is too large alone. */
async function sendAll(context: Context, commands: readonly AcceptCommand[], hour: number) {
  const calls = await Promise.all(commands.map((command) => callOf(context, command, hour)));
  const sent = calls.map(fits);
  const replies = await context.many(calls.filter((_, index) => sent[index]));
  let next = 0;
  return sent.map((isSent) => (isSent ? (replies[next++] ?? []) : undefined));
}

async function callOf(
  context: Context,
  command: AcceptCommand,
  hour: number,
  kept?: KeptConfig,
): Promise<Parameters<Runner>> {
  const { caller, task, idempotency } = command;
  const names = keysOf(caller.project);
  const keys = [
    names.due,
    names.project,
    names.task(task.id),
    names.index(hour),
    names.hours,
    names.lateHours,
  ];
  const record = idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0;
  const stored = await context.payloads.seal(task.input, caller.project);
  const large = stored.length > INLINE_LIMIT;
  const input = large ? keys.push(names.input(task.id)) : 0;
  const batch = task.batch === undefined ? 0 : keys.push(names.batch(task.batch));
  const config = command.lease ? keys.push(names.config) : 0;
  const pairs = await searchablePairs(context.hashes, task.metadata);
  const searchable = pairs.map(({ name, pair }) => [name, keys.push(names.metadata(hour, pair))] as const);
  const listing = listingOf(context.retention, task.options);
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
      delay: task.start.kind === "delay" ? task.start.delay : 0,
      at: task.start.kind === "at" ? task.start.at : "",
      deadline: task.options.deadline,
      fingerprint: idempotency?.fingerprint ?? "",
      idempotency: record,
      input,
      batch,
      config,
      lease: command.lease?.id ?? "",
      length: command.lease?.length ?? 0,
      stamp: kept?.stamp ?? "",
      searchable: searchable.length,
      listed: listing.length,
      usual: listing.isUsual ? "1" : "",
      watch: command.watch ?? 0,
    }),
    ...searchable.flat(),
    ...newTaskFields(task, stored, idempotency?.hash),
    ...(large ? [stored] : []),
  ];
  return [ACCEPT, keys, args];
}

async function answer(
  context: Context,
  command: AcceptCommand,
  code: string,
  rest: readonly unknown[],
  kept?: KeptConfig,
): Promise<AcceptAnswer> {
  switch (code) {
    case "accepted":
    case "begun": {
      const [now, limit, remaining, reset, flat, starts, paused, stamp, config] = rest;
      const record = await readTaskFields(
        context,
        command.caller.project,
        command.task.id,
        fieldsOf(flat as string[]),
      );
      if (!record) throw new Error("accept answered without a task");
      return {
        kind: "accepted",
        record,
        now: Number(now),
        rate: rateOf(limit, remaining, reset),
        startsTold: starts === "1",
        paused: paused ? isPaused({ paused: JSON.parse(String(paused)) }, command.task.type) : false,
        ...(code === "begun" && {
          begun: context.configs.read(command.caller.project, String(stamp), String(config), kept),
        }),
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
    case "key-required":
    case "batch-closed":
    case "unauthenticated":
    case "forbidden":
    case "unknown-project":
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
