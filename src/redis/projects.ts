import { IDEMPOTENCY_TTL } from "../domain/limits.ts";
import type { ApiKeyRecord, KeyOnce, ProjectLimits, PutKeyAnswer } from "../flow/caller.ts";
import type { Context } from "./context.ts";
import { DIRECTORY, keysOf } from "./keys.ts";
import { fieldsOf, script } from "./script.ts";

/** Gives a project's name an id, once. */
export const NAME = script(
  "name",
  `
local dir, name, fresh = KEYS[1], ARGV[1], ARGV[2]
local id = redis.call('HGET', dir, name)
if id then return {id} end
redis.call('HSET', dir, name, fresh)
return {fresh}
`,
);

/** Every project by name. */
export const DIRECTORY_LIST = script("directory", "return redis.call('HGETALL', KEYS[1])");

/** Writes a project's first configuration; what is there stays. */
export const INIT = script(
  "init",
  `
local proj, cfg, name, config = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
if redis.call('HGET', proj, 'cfgv') then return {'kept'} end
redis.call('HSET', proj, 'name', name, 'cfgv', '1')
redis.call('SET', cfg, '1 ' .. config)
return {'made'}
`,
);

/** Keeps an API key's hash, once per idempotency key, whose record keeps the sealed answer too. */
export const GRANT = script(
  "grant",
  `
local proj, idem, field, value, print, record = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local known = idem and redis.call('GET', idem)
if known then
  local before, _, sealed = string.match(known, '^(%S+) (%S+) (%S+)$')
  return {before == print and 'repeated' or 'reused', sealed}
end
redis.call('HSET', proj, field, value)
if idem then redis.call('SET', idem, print .. ' ' .. record, 'PX', '${IDEMPOTENCY_TTL}') end
return {'granted'}
`,
);

/** Sets a project's own limits and what it is searched by; an empty value takes one away. */
export const LIMIT = script(
  "limit",
  `
local proj = KEYS[1]
local name = redis.call('HGET', proj, 'name')
if not name then return {'missing'} end
for i = 1, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', proj, ARGV[i]) else redis.call('HSET', proj, ARGV[i], ARGV[i + 1]) end
end
return {'limited', name, redis.call('HGET', proj, 'search') or '', redis.call('HGET', proj, 'rate') or '',
  redis.call('HGET', proj, 'quota') or ''}
`,
);

/** Forgets an API key: what is absent is revoked. */
export const REVOKE = script("revoke", "return {redis.call('HDEL', KEYS[1], ARGV[1])}");

/** A project's own hash: keys, counters, limits. */
export const PROJECT = script("project", "return redis.call('HGETALL', KEYS[1])");

/** Whether Redis runs scripts. */
export const PING = script("ping", "return {'pong'}");

export async function nameProject(context: Context, name: string, fresh: string): Promise<string> {
  const [id] = await context.quick(NAME, [DIRECTORY], [name, fresh]);
  return String(id);
}

export async function listProjects(context: Context) {
  const fields = fieldsOf(await context.quick(DIRECTORY_LIST, [DIRECTORY], []));
  return Object.entries(fields).map(([name, id]) => ({ name, id }));
}

export async function initProject(
  context: Context,
  project: string,
  name: string,
  config: string,
): Promise<void> {
  const names = keysOf(project);
  await context.quick(INIT, [names.project, names.config], [name, config]);
}

/** Stored under `k:<key UUID hex>` as `<hash> <expiry> <scopes> <created> <name>`. */
export async function putKey(
  context: Context,
  project: string,
  key: ApiKeyRecord,
  once?: KeyOnce,
): Promise<PutKeyAnswer> {
  const value = [key.hash, key.expiresAt, key.scopes.join(",") || "-", key.createdAt, key.name].join(" ");
  const names = keysOf(project);
  const [code, sealed] = await context.quick(
    GRANT,
    [names.project, ...(once ? [names.idempotency(once.idempotency.hash)] : [])],
    [`k:${key.key}`, value, ...(once ? [once.idempotency.fingerprint, `${once.id} ${once.sealed}`] : [])],
  );
  switch (code) {
    case "granted":
    case "reused":
      return { kind: code };
    case "repeated":
      return { kind: code, sealed: String(sealed) };
    default:
      throw new Error(`grant answered "${code}"`);
  }
}

export async function limitProject(
  context: Context,
  project: string,
  limits: ProjectLimits,
): Promise<(ProjectLimits & { readonly name: string }) | undefined> {
  const { searchable, rateLimit, maxOpen } = limits;
  const [code, name, search, rate, quota] = await context.quick(
    LIMIT,
    [keysOf(project).project],
    [
      ...(searchable ? ["search", searchable.join(",")] : []),
      ...(rateLimit !== undefined ? ["rate", rateLimit ?? ""] : []),
      ...(maxOpen !== undefined ? ["quota", maxOpen ?? ""] : []),
    ],
  );
  if (code === "missing") return undefined;
  return {
    name: String(name),
    searchable: String(search).split(",").filter(Boolean),
    rateLimit: rate ? Number(rate) : null,
    maxOpen: quota ? Number(quota) : null,
  };
}

export async function dropKey(context: Context, project: string, key: string): Promise<boolean> {
  const [dropped] = await context.quick(REVOKE, [keysOf(project).project], [`k:${key}`]);
  return Number(dropped) > 0;
}

export async function listKeys(context: Context, project: string): Promise<readonly ApiKeyRecord[]> {
  const fields = fieldsOf(await context.quick(PROJECT, [keysOf(project).project], []));
  return Object.entries(fields)
    .filter(([name]) => name.startsWith("k:"))
    .map(([name, value]) => {
      const [hash = "", expiresAt = "0", scopes = "", createdAt = "0", ...words] = value.split(" ");
      return {
        key: name.slice(2),
        hash,
        expiresAt: Number(expiresAt),
        scopes: scopes === "-" ? [] : scopes.split(","),
        createdAt: Number(createdAt),
        name: words.join(" "),
      };
    })
    .sort((a, b) => a.createdAt - b.createdAt);
}
