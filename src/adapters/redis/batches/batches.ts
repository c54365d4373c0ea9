import type {
  CompleteBatchAnswer,
  CompleteBatchCommand,
  OpenBatchAnswer,
  OpenBatchCommand,
  SettleBatchAnswer,
  SettleBatchCommand,
} from "../../../ports/stores/batch-store.ts";
import { BATCH_GRACE, BATCH_LOOK, BATCH_RETENTION, IDEMPOTENCY_TTL } from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { OPENING, openingArgs } from "../deliveries/opening.ts";
import { batchMember, keysOf } from "../keys.ts";
import { configOf } from "../projects/config.ts";
import { isDenial, proofOf } from "../proof.ts";
import { named, script } from "../script.ts";

/**
 * Writes a batch before its tasks: each task then enters itself as it is accepted. The same request sent again, after a
 * crash in between, opens it once more.
 */
export const OPEN_BATCH = script(
  "openBatch",
  `
-- KEYS
--   due            due set of the partition
--   project        hash of the project
--   batch          hash of the batch
--   idempotency?   record of the idempotency key
-- ARGV
--   offset         ms added to Redis's clock
--   key, secret    id of the API key, SHA-256 of its secret
--   scopes         what the API key must be allowed to do, one of these, with commas
--   member         the batch's member of the due set
--   id             id of the batch
--   fingerprint    fingerprint of the request under the idempotency key
--   idempotency    place of that key in KEYS
--   …              fields and values of the batch
-- RETURNS
--   opened                  it is there
--   known, <id>             the same request made this batch under the idempotency key
--   reused, <id>            another request made this batch under the idempotency key
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks the scope; there is no such project
local dueKey, projectKey, batchKey = KEYS[1], KEYS[2], KEYS[3]
local args, rest = named(ARGV)
local idempotencyKey = KEYS[number(args.idempotency)]
local now = clock(args.offset)
local grant, refusal = redis.call('HGET', projectKey, proofField(args.key)), 'forbidden'
for scope in string.gmatch(args.scopes, '[^,]+') do
  refusal = denied(grant, args.secret, scope, now)
  if not refusal then break end
end
if refusal then return {refusal} end
local record = idempotencyKey and redis.call('GET', idempotencyKey)
if record then
  local fingerprint, other = string.match(record, '^(%S+) (%S+)$')
  if fingerprint ~= args.fingerprint then return {'reused', other} end
  if other ~= args.id then return {'known', other} end
end
local status = redis.call('HGET', batchKey, 'status')
if status == 'completed' then return {'opened'} end
local fields = {'status', 'opening'}
if not status then
  fields = {'status', 'opening', 'created', integer(now), 'total', '0', 'left', '0'}
  for i = rest, #ARGV do fields[#fields + 1] = ARGV[i] end
end
together(function()
  if not status then undone('ZREM', dueKey, args.member) end
  redis.call('ZADD', dueKey, integer(now + ${BATCH_GRACE}), args.member)
  if idempotencyKey and not record then
    undone('DEL', idempotencyKey)
    redis.call('SET', idempotencyKey, args.fingerprint .. ' ' .. args.id, 'PX', '${IDEMPOTENCY_TTL}')
  end
  redis.call('HSET', batchKey, unpack(fields))
end)
return {'opened'}
`,
);

/**
 * All tasks of a batch are accepted. Counts those of the given ones that have ended without being counted: an older
 * gateway ended them.
 */
export const SETTLE_BATCH = script(
  "settleBatch",
  `
-- KEYS
--   due            due set of the partition
--   batch          hash of the batch
--   idempotency?   record of its idempotency key
--   tasks…         hashes of tasks that may have ended
-- ARGV
--   offset         ms added to Redis's clock
--   member         the batch's member of the due set
--   keep           1: it is kept although it has no task; else empty
--   idempotency    place of that key in KEYS
--   …              ids of the tasks
-- RETURNS
--   open                    a task of it has not ended
--   due                     each of its tasks has ended once
--   completed               its event was opened before
--   dropped                 it has no task, and is gone
--   gone                    there is no such batch
local dueKey, batchKey = KEYS[1], KEYS[2]
local args, rest = named(ARGV)
local idempotencyKey = KEYS[number(args.idempotency)]
local first = #KEYS - (#ARGV - rest)
local now = clock(args.offset)
local names = {'status', 'left', 'total'}
for i = rest, #ARGV do names[#names + 1] = 't:' .. ARGV[i] end
local batch = some(batchKey, names)
if not batch.status then return {'gone'} end
if batch.status == 'completed' then return {'completed'} end
local left, total, missing = number(batch.left), number(batch.total), {}
local changes = {'status', 'open'}
for i = rest, #ARGV do
  local field = 't:' .. ARGV[i]
  if batch[field] == '' then
    local status = redis.call('HGET', KEYS[first + i - rest], 'status')
    if not status then
      missing[#missing + 1] = field
      left, total = left - 1, total - 1
    elseif TERMINAL[status] then
      changes[#changes + 1] = field
      changes[#changes + 1] = status
      left = left - 1
    end
  end
end
if total == 0 and args.keep ~= '1' then
  if idempotencyKey then redis.call('DEL', idempotencyKey) end
  redis.call('DEL', batchKey)
  redis.call('ZREM', dueKey, args.member)
  return {'dropped'}
end
for _, change in ipairs({'left', integer(left), 'total', integer(total)}) do changes[#changes + 1] = change end
redis.call('ZADD', dueKey, integer(left == 0 and now or now + ${BATCH_LOOK}), args.member)
redis.call('HSET', batchKey, unpack(changes))
if #missing > 0 then redis.call('HDEL', batchKey, unpack(missing)) end
return {left == 0 and 'due' or 'open'}
`,
);

/** Opens the deliveries of the one event of a batch whose tasks have all ended. */
export const COMPLETE_BATCH = script(
  "completeBatch",
  `
-- KEYS
--   due            due set of the partition
--   project        hash of the project
--   config         configuration of the project
--   batch          hash of the batch
--   deliveries…    keys that \`open\` writes
-- ARGV
--   offset         ms added to Redis's clock
--   nonce          the same when this is sent again
--   member         the batch's member of the due set
--   total          number of its tasks, as the caller read it
--   ended          time of the event, ms
--   version        version of the configuration that the deliveries come from
--   opened         ids of the deliveries, with commas
--   count          number of deliveries
--   …              what \`open\` reads
-- RETURNS
--   completed               done
--   already                 another caller has completed it
--   changed                 a task of it has not ended, or was added since the caller read it
--   config-changed, <config>
--                           the configuration has another version; \`<version> <JSON>\`
--   gone                    there is no such batch
${OPENING}
local dueKey, projectKey, configKey, batchKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local args, rest = named(ARGV)
local now = clock(args.offset)
local batch = some(batchKey, {'status', 'left', 'total', 'nonce'})
if not batch.status then return {'gone'} end
if batch.nonce == args.nonce then
  redis.call('ZREM', dueKey, args.member)
  return {'completed'}
end
if batch.status == 'completed' then return {'already'} end
if batch.status == 'opening' or number(batch.left) > 0 or batch.total ~= args.total then return {'changed'} end
if args.version ~= (redis.call('HGET', projectKey, 'cfgv') or '0') then
  return {'config-changed', redis.call('GET', configKey) or ''}
end
together(function()
  open(dueKey, projectKey, now, args.ended, ARGV, rest, number(args.count))
  undone('PERSIST', batchKey)
  redis.call('PEXPIRE', batchKey, '${BATCH_RETENTION}')
  redis.call('HSET', batchKey, 'status', 'completed', 'ended', args.ended, 'nonce', args.nonce, 'dels', args.opened)
end)
redis.call('ZREM', dueKey, args.member)
return {'completed'}
`,
);

export async function openBatch(context: Context, command: OpenBatchCommand): Promise<OpenBatchAnswer> {
  const { caller, batch, idempotency, scopes } = command;
  const names = keysOf(caller.project);
  const keys = [names.due, names.project, names.batch(batch.id)];
  const args = named({
    offset: context.offset,
    ...proofOf(caller),
    scopes: scopes.join(","),
    member: batchMember(caller.project, batch.id),
    id: batch.id,
    fingerprint: idempotency?.fingerprint ?? "",
    idempotency: idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0,
  });
  const fields = {
    meta: JSON.stringify(batch.metadata),
    ...(batch.callbackUrl !== undefined && { cb: batch.callbackUrl }),
    ...(batch.trace !== undefined && { trace: batch.trace }),
    ...(idempotency && { idem: idempotency.hash }),
  };
  const [code, id] = await context.adding(OPEN_BATCH, keys, [...args, ...Object.entries(fields).flat()]);
  if (isDenial(code)) return { kind: code };
  switch (code) {
    case "opened":
      return { kind: code };
    case "known":
    case "reused":
      return { kind: code, id: String(id) };
    default:
      throw new Error(`openBatch answered "${code}"`);
  }
}

export async function settleBatch(context: Context, command: SettleBatchCommand): Promise<SettleBatchAnswer> {
  const { project, batch, tasks, keep, idempotencyHash } = command;
  const names = keysOf(project);
  const keys = [names.due, names.batch(batch)];
  const args = named({
    offset: context.offset,
    member: batchMember(project, batch),
    keep: keep ? "1" : "",
    idempotency: idempotencyHash === undefined ? 0 : keys.push(names.idempotency(idempotencyHash)),
  });
  keys.push(...tasks.map((id) => names.task(id)));
  const [code] = await context.worker(SETTLE_BATCH, keys, [...args, ...tasks]);
  switch (code) {
    case "open":
    case "due":
    case "completed":
    case "dropped":
    case "gone":
      return code;
    default:
      throw new Error(`settleBatch answered "${code}"`);
  }
}

export async function completeBatch(
  context: Context,
  command: CompleteBatchCommand,
): Promise<CompleteBatchAnswer> {
  const { record, deliveries } = command;
  const names = keysOf(record.project);
  const keys = [names.due, names.project, names.config, names.batch(record.id)];
  const { args } = await openingArgs(context, keys, record.project, deliveries);
  const [code, config] = await context.worker(COMPLETE_BATCH, keys, [
    ...named({
      offset: context.offset,
      nonce: command.nonce,
      member: batchMember(record.project, record.id),
      total: record.tasks.length,
      ended: command.completedAt.toFixed(0),
      version: command.configVersion,
      opened: deliveries.map(({ id }) => id).join(","),
      count: deliveries.length,
    }),
    ...args,
  ]);
  switch (code) {
    case "completed":
    case "already":
    case "changed":
    case "gone":
      return { kind: code };
    case "config-changed":
      return { kind: code, config: configOf(config) };
    default:
      throw new Error(`completeBatch answered "${code}"`);
  }
}
