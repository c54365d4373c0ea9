import type { ConfigureAnswer, ConfigureCommand } from "../../../ports/commands/config.ts";
import { CHORE_GRACE, IDEMPOTENCY_TTL } from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { OPENING, openingArgs } from "../deliveries/opening.ts";
import { keysOf, resumeChore } from "../keys.ts";
import { proofOf } from "../proof.ts";
import { named, script } from "../script.ts";
import { configOf } from "./config.ts";

/** Writes a project's configuration in place of the version that the caller has read. */
export const CONFIGURE = script(
  "configure",
  `
-- KEYS
--   due            due set of the partition
--   project        hash of the project
--   config         configuration of the project
--   idempotency?   record of the idempotency key
--   chores?        chores of the partition, for a resume
--   deliveries…    keys that \`open\` writes
-- ARGV
--   offset         ms added to Redis's clock
--   key, secret    id of the API key, SHA-256 of its secret; empty: no API key is checked
--   scope          what the API key must be allowed to do
--   nonce          the same when this is sent again
--   version        version of the configuration, as the caller read it
--   config         JSON of the new configuration
--   starts         1: an endpoint receives the event of every start; else empty
--   fingerprint    fingerprint of the request under the idempotency key
--   paused         JSON of the paused types; empty: none
--   id             what the record of the idempotency key names
--   chore          the project's member of the chores
--   idempotency, chores
--                  places of these keys in KEYS
--   count          number of deliveries
--   …              what \`open\` reads
-- RETURNS
--   configured, <now>, <version>
--                           written now or before
--   missing, <now>          there is no such project
--   changed, <now>, <config>
--                           it has another version; \`<version> <JSON>\`
--   repeated, <now>, <config>, <id>
--                           the same request was made under the idempotency key
--   reused, <now>, <config>, <id>
--                           another request was made under the idempotency key
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks the scope; there is no such project
${OPENING}
local dueKey, projectKey, configKey = KEYS[1], KEYS[2], KEYS[3]
local args, rest = named(ARGV)
local idempotencyKey, choresKey = KEYS[number(args.idempotency)], KEYS[number(args.chores)]
local now = clock(args.offset)
local grant = proofField(args.key)
local project = some(projectKey, {grant, 'cfgv', 'cfgn'})
if args.key ~= '' then
  local refusal = denied(project[grant], args.secret, args.scope, now)
  if refusal then return {refusal} end
end
if not project.cfgv then return {'missing', integer(now)} end
if project.cfgn == args.nonce then return {'configured', integer(now), project.cfgv} end
local known = idempotencyKey and redis.call('GET', idempotencyKey)
if known then
  local fingerprint, id = string.match(known, '^(%S+) (%S+)$')
  local config = redis.call('GET', configKey) or ''
  return {fingerprint == args.fingerprint and 'repeated' or 'reused', integer(now), config, id}
end
if project.cfgv ~= args.version then return {'changed', integer(now), redis.call('GET', configKey) or ''} end
local version = integer(number(project.cfgv) + 1)
together(function()
  if number(args.count) > 0 then open(dueKey, projectKey, now, integer(now), ARGV, rest, number(args.count)) end
  if idempotencyKey then
    undone('DEL', idempotencyKey)
    redis.call('SET', idempotencyKey, args.fingerprint .. ' ' .. args.id, 'PX', '${IDEMPOTENCY_TTL}')
  end
  -- The tasks that were held are started by the caller; by the sweep, if that is cut off.
  if choresKey then
    undone('ZREM', choresKey, args.chore)
    redis.call('ZADD', choresKey, integer(now + ${CHORE_GRACE}), args.chore)
  end
  undone('SET', configKey, redis.call('GET', configKey) or '')
  redis.call('SET', configKey, version .. ' ' .. args.config)
  redis.call('HSET', projectKey, 'cfgv', version, 'cfgn', args.nonce, 'starts', args.starts, 'paused', args.paused)
end)
return {'configured', integer(now), version}
`,
);

export async function configure(context: Context, command: ConfigureCommand): Promise<ConfigureAnswer> {
  const { caller, idempotency, deliveries } = command;
  const names = keysOf(caller.project);
  const keys = [names.due, names.project, names.config];
  const record = idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0;
  const { args } = await openingArgs(context, keys, caller.project, deliveries);
  const [code, now, config, id] = await context.adding(CONFIGURE, keys, [
    ...named({
      offset: context.offset,
      nonce: command.nonce,
      ...proofOf(caller),
      scope: command.scope,
      version: command.version,
      config: command.json,
      starts: command.startsTold ? "1" : "",
      paused: command.paused?.length ? JSON.stringify(command.paused) : "",
      chore: resumeChore(caller.project),
      chores: command.resumes ? keys.push(names.chores) : 0,
      fingerprint: idempotency?.fingerprint ?? "",
      id: command.id,
      idempotency: record,
      count: deliveries.length,
    }),
    ...args,
  ]);
  switch (code) {
    case "unauthenticated":
    case "forbidden":
    case "unknown-project":
      return { kind: code };
    case "missing":
      return { kind: code, now: Number(now) };
    case "configured":
      return { kind: code, now: Number(now), version: Number(config) };
    case "changed":
      return { kind: code, now: Number(now), config: configOf(config) };
    case "repeated":
    case "reused":
      return { kind: code, now: Number(now), config: configOf(config), id: String(id) };
    default:
      throw new Error(`configure answered "${code}"`);
  }
}
