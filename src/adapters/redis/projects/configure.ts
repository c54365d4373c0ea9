import type { ConfigureAnswer, ConfigureCommand } from "../../../ports/config-commands.ts";
import { IDEMPOTENCY_TTL } from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { OPENING, openingArgs } from "../deliveries/opening.ts";
import { keysOf } from "../keys.ts";
import { proofOf } from "../proof.ts";
import { named, script } from "../script.ts";
import { configOf } from "./config.ts";

/** Writes a project's configuration in place of the version that the caller has read. */
export const CONFIGURE = script(
  "configure",
  `${OPENING}
local due, proj, cfg = KEYS[1], KEYS[2], KEYS[3]
local a, at = named(ARGV) -- offset nonce key secret scope version config starts fingerprint id idem count
local idem = KEYS[num(a.idem)]
local t = now(a.offset)
local grant = 'k:' .. a.key
local p = some(proj, {grant, 'cfgv', 'cfgn'})
if a.key ~= '' then
  local no = denied(p[grant], a.secret, a.scope, t)
  if no then return {no} end
end
if not p.cfgv then return {'missing', ms(t)} end
if p.cfgn == a.nonce then return {'configured', ms(t), p.cfgv} end
local known = idem and redis.call('GET', idem)
if known then
  local fingerprint, id = string.match(known, '^(%S+) (%S+)$')
  return {fingerprint == a.fingerprint and 'repeated' or 'reused', ms(t), redis.call('GET', cfg) or '', id}
end
if p.cfgv ~= a.version then return {'changed', ms(t), redis.call('GET', cfg) or ''} end
local version = ms(num(p.cfgv) + 1)
together(function()
  if num(a.count) > 0 then open(due, t, ms(t), ARGV, at, num(a.count)) end
  if idem then undone('DEL', idem) redis.call('SET', idem, a.fingerprint .. ' ' .. a.id, 'PX', '${IDEMPOTENCY_TTL}') end
  undone('SET', cfg, redis.call('GET', cfg) or '')
  redis.call('SET', cfg, version .. ' ' .. a.config)
  redis.call('HSET', proj, 'cfgv', version, 'cfgn', a.nonce, 'starts', a.starts)
end)
return {'configured', ms(t), version}
`,
);

export async function configure(context: Context, command: ConfigureCommand): Promise<ConfigureAnswer> {
  const { caller, idempotency, deliveries } = command;
  const names = keysOf(caller.project);
  const keys = [names.due, names.project, names.config];
  const idem = idempotency ? keys.push(names.idempotency(idempotency.hash)) : 0;
  const { args } = openingArgs(context, keys, caller.project, deliveries);
  const [code, now, config, id] = await context.adding(CONFIGURE, keys, [
    ...named({
      offset: context.offset,
      nonce: command.nonce,
      ...proofOf(caller),
      scope: command.scope,
      version: command.version,
      config: command.json,
      starts: command.startsTold ? "1" : "",
      fingerprint: idempotency?.fingerprint ?? "",
      id: command.id,
      idem,
      count: deliveries.length,
    }),
    ...args,
  ]);
  switch (code) {
    case "unauthenticated":
    case "forbidden":
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
