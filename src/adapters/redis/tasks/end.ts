import type { EndAnswer, EndCommand, Outcome } from "../../../ports/commands/task.ts";
import { system } from "../../../projects/principal.ts";
import { fault } from "../../../shared/fault-point.ts";
import {
  DUE_GRACE,
  IDEMPOTENCY_TTL,
  INDEX_MARGIN,
  INLINE_LIMIT,
  PENDING_MARGIN,
  PUBLISH_HORIZON,
} from "../../../shared/limits.ts";
import type { TaskRecord } from "../../../tasks/record.ts";
import type { TerminalStatus } from "../../../tasks/status.ts";
import type { Context } from "../context.ts";
import { heldOf, OPENING, openingArgs } from "../deliveries/opening.ts";
import { readTaskFields } from "../fields.ts";
import { batchMember, hourOf, keysOf, taskMember } from "../keys.ts";
import type { StoredPayload } from "../payloads.ts";
import { configOf } from "../projects/config.ts";
import { proofOf } from "../proof.ts";
import { fieldsOf, named, type Runner, type ScriptReply, script } from "../script.ts";

/**
 * Ends an attempt: the task is queued again, waits for its completion, or ends and its deliveries are opened.
 * The holder of the lease, the token of this run and attempt, and a caller that read the newest sequence may end it.
 */
export const END = script(
  "end",
  `
-- KEYS
--   due            due set of the partition
--   task           hash of the task
--   project        hash of the project
--   config         configuration of the project
--   input?         a large input
--   output?        a large result
--   ending?        tasks of this hour that ended in this way
--   running?       running attempts of the type, when the attempt has a place there
--   idempotency?   record of the idempotency key
--   batch?         hash of the batch that the task belongs to
--   deliveries…    keys that \`open\` writes
-- ARGV
--   offset         ms added to Redis's clock
--   nonce          the same when this is sent again
--   member         the task's member of the due set and of \`running\`
--   id             id of the task
--   run, attempt   the attempt that ends; no attempt by \`sequence\`
--   to             next status
--   by             who ends it: \`lease\`, \`token\` or \`sequence\`
--   proof          name of the lease; else the number of state changes, as the caller read it
--   version        version of the configuration that the deliveries come from; empty: any
--   actor, cause   of the timeline entry
--   ended          time of the end, ms; empty where the task goes on
--   delay          ms until the next attempt
--   heartbeat      ms between heartbeats while it waits; 0: none
--   ttl            ms for which the result is kept
--   kept           ms for which the task is kept; longer while deliveries are pending
--   batchMember    the batch's member of the due set
--   input, output, ending, running, idempotency, batch
--                  places of these keys in KEYS
--   result         a large result
--   key, secret    id of the API key, SHA-256 of its secret; empty: no API key is checked
--   fingerprint    fingerprint of the request under the idempotency key
--   opened         ids of the deliveries, with commas
--   shared         names of the bodies that they share, with commas
--   fields         number of texts that follow for the task
--   deliveries     number of deliveries
--   …              fields and values of the task; then what \`open\` reads
-- RETURNS
--   ended, <now>, <sequence>, <next>, <held>, <complete>
--                           done; time of the next attempt or of the end; \`<id>:<ms>,…\` of deliveries held back; 1 when
--                           each task of the batch has ended once
--   gone                    there is no such task
--   stale                   the attempt is over, or not the caller's
--   already, <status>       the task has ended before
--   changed, <now>, <task>  it has changed since the caller read it; fields and values
--   deadline-passed         the deadline has passed, or would have before the next attempt
--   config-changed, <config>
--                           the configuration has another version; \`<version> <JSON>\`
--   repeated, <now>, <task> the same request was made under the idempotency key
--   reused, <now>, <task>   another request was made under the idempotency key
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks \`tasks:write\`; there is no such project
${OPENING}
local dueKey, taskKey, projectKey, configKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local args, rest = named(ARGV)
local now = clock(args.offset)
local opening, grant, counter = rest + number(args.fields), proofField(args.key), 'n:' .. args.to
local project = some(projectKey, placesOf(ARGV, opening, number(args.deliveries), {grant, counter, 'cfgv', 'open'}))
if args.key ~= '' then
  local refusal = denied(project[grant], args.secret, 'tasks:write', now)
  if refusal then return {refusal} end
end
local task, flat = hash(taskKey)
if not task.status then return {'gone'} end
local inputKey, outputKey, endingKey = KEYS[number(args.input)], KEYS[number(args.output)], KEYS[number(args.ending)]
local batchKey = KEYS[number(args.batch)]
local batch = batchKey and some(batchKey, {'status', 'left', 't:' .. args.id}) or {}
-- Its first end counts. A replay changes nothing.
local isCounted = batch['t:' .. args.id] == '' or ${fault("batch-counts-twice")} and batch.left
local left = number(batch.left) - (isCounted and 1 or 0)
-- The index comes last: a task that it lacks has ended all the same.
local function fileEnding()
  if not endingKey then return end
  fileFor(endingKey, task.created, args.id .. '|' .. task.type, integer(number(args.kept) + ${INDEX_MARGIN}))
end
if task.nonce == args.nonce then
  if task.status == args.to then fileEnding() end
  if ${fault("miscounted")} and TERMINAL[task.status] then redis.call('HINCRBY', projectKey, counter, '1') end
  local isComplete = TERMINAL[task.status] and batch.status == 'open' and batch.left == '0'
  return {'ended', task.was, task.seq, task.next, task.heldback or '', isComplete and '1' or ''}
end
local idempotencyKey = KEYS[number(args.idempotency)]
local known = idempotencyKey and redis.call('GET', idempotencyKey)
if known then
  return {string.match(known, '^%S+') == args.fingerprint and 'repeated' or 'reused', integer(now), flat}
end
local function remember()
  if not idempotencyKey then return end
  undone('DEL', idempotencyKey)
  redis.call('SET', idempotencyKey, args.fingerprint .. ' ' .. args.id, 'PX', '${IDEMPOTENCY_TTL}')
end
if task.run ~= args.run then return {'stale'} end
if ${fault("ends-again")} and TERMINAL[task.status] then
  task.status, task.lease, task.attempt = 'running', args.proof, args.attempt
end
if TERMINAL[task.status] then
  if task.status == args.to then remember() end
  return {'already', task.status}
end
local isHolder = task.lease == args.proof and task.attempt == args.attempt or ${fault("no-fence-in-end")}
if args.by == 'lease' and not (task.status == 'running' and isHolder) then return {'stale'} end
if args.by == 'token' and (task.status == 'queued' or task.attempt ~= args.attempt) then return {'stale'} end
if args.by ~= 'lease' and task.seq ~= args.proof then return {'changed', integer(now), flat} end
if now >= number(task.deadline) and args.to ~= 'expired' and not ${fault("no-deadline-in-end")} then
  return {'deadline-passed'}
end
-- It could never start.
if args.to == 'queued' and now + args.delay >= number(task.deadline) then return {'deadline-passed'} end
if not MOVES[task.status .. '>' .. args.to] then return {'stale'} end
if args.version ~= '' and args.version ~= (project.cfgv or '0') then
  return {'config-changed', redis.call('GET', configKey) or ''}
end
local sequence = integer(number(task.seq) + 1)
local changes = {}
for i = rest, opening - 1 do changes[#changes + 1] = ARGV[i] end
local function change(name, value) changes[#changes + 1] = name; changes[#changes + 1] = value end
change('status', args.to) change('seq', sequence) change('lease', '') change('until', '0') change('sweep', '')
change('nonce', args.nonce) change('was', integer(now))
-- A holder that lost the lease may still be at work: its place in its type's set goes with the lease.
local runningKey = args.by == 'lease' and KEYS[number(args.running)]
if task.held == '1' then change('held', '') end
if task.parked == '1' then change('parked', '') end
-- Others may have been announced since the caller read the task.
local function append(name, more)
  if more ~= '' then change(name, (task[name] or '') == '' and more or task[name] .. ',' .. more) end
end
append('dels', args.opened) append('evs', args.shared)
if not TERMINAL[args.to] then
  local nextAt, look, entry = now + args.delay, number(task.deadline), 'task.waiting'
  if args.to == 'queued' then
    look = nextAt - now > ${PUBLISH_HORIZON} and nextAt - ${PUBLISH_HORIZON} or nextAt + ${DUE_GRACE}
    entry = 'task.retrying'
  elseif number(args.heartbeat) > 0 then
    look = now + args.heartbeat
  end
  if task.beat or number(args.heartbeat) > 0 then
    change('beat', args.heartbeat)
    change('beatby', number(args.heartbeat) > 0 and integer(look) or '')
  end
  local held, circuits
  together(function()
    undone('ZADD', dueKey, integer(now), args.member)
    redis.call('ZADD', dueKey, integer(math.min(look, number(task.deadline))), args.member)
    held, circuits = open(dueKey, projectKey, now, integer(now), ARGV, opening, number(args.deliveries), project)
    if #circuits > 0 then redis.call('HSET', projectKey, unpack(circuits)) end
    if held ~= '' or task.heldback then change('heldback', held) end
    change('next', integer(nextAt))
    change('l:' .. sequence, integer(now) .. ' ' .. args.run .. ' ' .. entry .. ' ' .. args.actor .. ' ' .. args.cause)
    redis.call('HSET', taskKey, unpack(changes))
  end)
  if runningKey then redis.call('ZREM', runningKey, args.member) end
  notify(taskKey, task, now, args.to)
  return {'ended', integer(now), sequence, integer(nextAt), held, ''}
end
if ${fault("told-not-written")} then return {'ended', integer(now), sequence, args.ended, '', ''} end
local isComplete = batch.status == 'open' and left == 0
local held, circuits
together(function()
  held, circuits = open(dueKey, projectKey, now, args.ended, ARGV, opening, number(args.deliveries), project)
  if held ~= '' or task.heldback then change('heldback', held) end
  if isComplete then redis.call('ZADD', dueKey, 'XX', integer(now), args.batchMember) end
  if isCounted then
    undone('HSET', batchKey, 't:' .. args.id, '', 'left', batch.left)
    redis.call('HSET', batchKey, 't:' .. args.id, args.to, 'left', integer(left))
  end
  if outputKey then undone('DEL', outputKey) redis.call('SET', outputKey, args.result, 'PX', args.ttl) end
  remember()
  undone('HSET', projectKey, 'open', project.open or '0', counter, project[counter] or '0')
  redis.call('HSET', projectKey, 'open', integer(math.max(0, number(project.open) - 1)),
    counter, integer(number(project[counter]) + 1), unpack(circuits))
  if inputKey then undone('PERSIST', inputKey) redis.call('PEXPIRE', inputKey, args.ttl) end
  undone('PERSIST', taskKey)
  local isTold = args.opened ~= '' or (task.dels or '') ~= ''
  local kept = math.max(number(args.kept), isTold and ${PENDING_MARGIN} or 0)
  redis.call('PEXPIRE', taskKey, ${fault("forgetful") ? "'1000'" : "integer(kept)"})
  change('ended', args.ended) change('expires', integer(number(args.ended) + args.ttl)) change('next', args.ended)
  local entry = ' task.' .. args.to .. ' ' .. args.actor .. ' ' .. args.cause
  change('l:' .. sequence, args.ended .. ' ' .. args.run .. entry)
  redis.call('HSET', taskKey, unpack(changes))
end)
notify(taskKey, task, now, args.to)
if not ${fault("due-for-ever-in-end")} then redis.call('ZREM', dueKey, args.member) end
if runningKey then redis.call('ZREM', runningKey, args.member) end
fileEnding()
return {'ended', integer(now), sequence, args.ended, held, isComplete and '1' or ''}
`,
);

export async function end(context: Context, command: EndCommand): Promise<EndAnswer> {
  return answer(context, command, await context.worker(...(await callOf(context, command))));
}

/** Ends many in one request, or in as many as they fit into. */
export async function endAll(
  context: Context,
  commands: readonly EndCommand[],
): Promise<readonly EndAnswer[]> {
  const calls = await Promise.all(commands.map((command) => callOf(context, command)));
  const replies = await context.many(calls.map((call) => (fault("bulk-ends-the-first") && calls[0]) || call));
  return Promise.all(commands.map((command, index) => answer(context, command, replies[index] ?? [])));
}

async function callOf(context: Context, command: EndCommand): Promise<Parameters<Runner>> {
  const { record, authority, outcome, idempotency } = command;
  const names = keysOf(record.project);
  const keys = [names.due, names.task(record.id), names.project, names.config];
  const result = await storedResult(context, record.project, outcome);
  const fields = changesOf(command, result);
  const deliveries = outcome.kind === "retry" ? [] : outcome.deliveries;
  const { args, bodies } = await openingArgs(context, keys, record.project, deliveries);
  const words = [
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
      ...endingArgs(context, keys, record, outcome, result),
      id: record.id,
      ...proofOf(authority.by === "sequence" ? authority.caller : system(record.project)),
      running: record.held ? keys.push(names.running(record.type)) : 0,
      fingerprint: idempotency?.fingerprint ?? "",
      idempotency: idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0,
      batch: record.batch === undefined ? 0 : keys.push(names.batch(record.batch)),
      batchMember: record.batch === undefined ? "" : batchMember(record.project, record.batch),
      opened: deliveries.map(({ id }) => id).join(","),
      shared: bodies.join(","),
      fields: fields.length,
      deliveries: deliveries.length,
    }),
    ...fields,
    ...args,
  ];
  return [END, keys, words];
}

/** Arguments that only a terminal outcome has; adds the keys that they need to `keys`. */
function endingArgs(
  { retention }: Context,
  keys: string[],
  record: TaskRecord,
  outcome: Outcome,
  result: StoredPayload | undefined,
) {
  if (outcome.kind === "retry" || outcome.kind === "waiting") {
    return { ended: "", ttl: 0, kept: 0, input: 0, output: 0, ending: 0, result: "" };
  }
  const names = keysOf(record.project);
  const { kind } = outcome;
  const large = isLarge(result);
  return {
    ended: outcome.endedAt.toFixed(0),
    ttl: outcome.resultTtl,
    kept: Math.max(retention.task[kind], outcome.resultTtl),
    input: record.input.placement === "key" ? keys.push(names.input(record.id)) : 0,
    output: large ? keys.push(names.result(record.id, record.run)) : 0,
    ending: kind === "succeeded" ? 0 : keys.push(names.ending(hourOf(record.createdAt), kind)),
    result: large ? (result ?? "") : "",
  };
}

/** The result of a terminal outcome, as it is stored. */
async function storedResult(
  { payloads }: Context,
  project: string,
  outcome: Outcome,
): Promise<StoredPayload | undefined> {
  if (outcome.kind === "retry" || outcome.kind === "waiting" || outcome.result === undefined)
    return undefined;
  return payloads.seal(outcome.result, project);
}

function isLarge(result: StoredPayload | undefined): boolean {
  return result !== undefined && result.length > INLINE_LIMIT;
}

/** Fields of the task's hash that its outcome changes. */
function changesOf(
  { record, outcome, progress }: EndCommand,
  result: StoredPayload | undefined,
): readonly string[] {
  const said = progress ? ["progress", JSON.stringify(progress)] : [];
  if (outcome.kind === "waiting") {
    const { poll: next } = outcome;
    const poll = next ? ["poll", `${record.run}.${record.attempt} 1 ${next.url} - ${next.service}`] : [];
    return [...said, ...poll];
  }
  const error = ["err", outcome.error ? JSON.stringify(outcome.error) : ""];
  return [...said, ...error, ...resultFields(result)];
}

function resultFields(result: StoredPayload | undefined): readonly string[] {
  if (result === undefined) return [];
  return isLarge(result) ? ["outl", "1"] : ["out", result];
}

async function answer(
  context: Context,
  command: EndCommand,
  [code, ...rest]: readonly ScriptReply[],
): Promise<EndAnswer> {
  const { project, id } = command.record;
  switch (code) {
    case "ended":
      return {
        kind: code,
        now: Number(rest[0]),
        sequence: Number(rest[1]),
        nextAt: Number(rest[2]),
        held: heldOf(rest[3]),
        ...(rest[4] === "1" && { batchDone: true }),
      };
    case "gone":
    case "stale":
    case "deadline-passed":
    case "unauthenticated":
    case "forbidden":
    case "unknown-project":
      return { kind: code };
    case "already":
      return { kind: code, status: String(rest[0]) as TerminalStatus }; // the script checked it against TERMINAL
    case "changed":
    case "repeated":
    case "reused": {
      const record = await readTaskFields(context, project, id, fieldsOf(rest[1]));
      return record ? { kind: code, now: Number(rest[0]), record } : { kind: "gone" };
    }
    case "config-changed":
      return { kind: code, config: configOf(rest[0]) };
    default:
      throw new Error(`end answered "${code}"`);
  }
}
