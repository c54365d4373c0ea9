import { IDEMPOTENCY_TTL, TOMBSTONE } from "../domain/limits.ts";
import type { ApiKeyRecord, KeyOnce, ProjectLimits, PutKeyAnswer } from "../flow/caller.ts";
import type { Context } from "./context.ts";
import { DIRECTORY, keysOf, SWEPT } from "./keys.ts";
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
local proj, revoked, idem, field, value, print, record = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local known = idem and redis.call('GET', idem)
if known then
  local before, _, sealed = string.match(known, '^(%S+) (%S+) (%S+)$')
  return {before == print and 'repeated' or 'reused', sealed}
end
-- Made before, and revoked since: this one was sent twice and comes late.
if redis.call('EXISTS', revoked) == 1 then return {'granted'} end
redis.call('HSET', proj, field, value)
if idem then redis.call('SET', idem, print .. ' ' .. record, 'PX', '${IDEMPOTENCY_TTL}') end
return {'granted'}
`,
);

/** Sets a project's own limits and what it is searched by, in place of the version that was read; an empty value takes one away. */
export const LIMIT = script(
  "limit",
  `
local proj, nonce, version = KEYS[1], ARGV[1], ARGV[2]
local p = hash(proj)
if not p.name then return {'missing'} end
if p.limn ~= nonce then
  local present = p.limv or '0'
  if version ~= present then return {'changed', present} end
  redis.call('HSET', proj, 'limv', ms(num(present) + 1), 'limn', nonce)
  for i = 3, #ARGV, 2 do
    if ARGV[i + 1] == '' then redis.call('HDEL', proj, ARGV[i]) else redis.call('HSET', proj, ARGV[i], ARGV[i + 1]) end
  end
  p = hash(proj)
end
return {'limited', p.name, p.search or '', p.rate or '', p.quota or ''}
`,
);

/** Forgets an API key: what is absent is revoked. For a while it is remembered, so that what made the key makes it no more. */
export const REVOKE = script(
  "revoke",
  `
local proj, revoked, field, nonce = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
if redis.call('GET', revoked) == nonce then return {'revoked'} end
if redis.call('HDEL', proj, field) == 0 then return {'missing'} end
redis.pcall('SET', revoked, nonce, 'PX', '${TOMBSTONE}') -- a full database may refuse it: it takes no new key either
return {'revoked'}
`,
);

/** A project's own hash: keys, counters, limits. */
export const PROJECT = script("project", "return redis.call('HGETALL', KEYS[1])");

/** Whether Redis runs scripts, and when the last sweep was made. */
export const PING = script("ping", "return {'pong', redis.call('GET', KEYS[1]) or ''}");

export async function ping(context: Context): Promise<{ ok: boolean; sweptAt?: number }> {
  const [answer, swept] = await context.quick(PING, [SWEPT], []);
  return { ok: answer === "pong", ...(swept && { sweptAt: Number(swept) }) };
}

export async function nameProject(context: Context, name: string, fresh: string): Promise<string> {
  const [id] = await context.adding(NAME, [DIRECTORY], [name, fresh]);
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
  await context.adding(INIT, [names.project, names.config], [name, config]);
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
  const [code, sealed] = await context.adding(
    GRANT,
    [names.project, names.revoked(key.key), ...(once ? [names.idempotency(once.idempotency.hash)] : [])],
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
  nonce: string,
): Promise<(ProjectLimits & { readonly name: string }) | undefined> {
  const { searchable, rateLimit, maxOpen } = limits;
  const words = [
    ...(searchable ? ["search", searchable.join(",")] : []),
    ...(rateLimit !== undefined ? ["rate", rateLimit ?? ""] : []),
    ...(maxOpen !== undefined ? ["quota", maxOpen ?? ""] : []),
  ];
  let version = ""; // none: the first answer names the present one
  for (let round = 0; round < LIMIT_ROUNDS; round++) {
    const [code, first, search, rate, quota] = await context.adding(
      LIMIT,
      [keysOf(project).project],
      [nonce, version, ...words],
    );
    if (code === "missing") return undefined;
    if (code === "limited") {
      return {
        name: String(first),
        searchable: String(search).split(",").filter(Boolean),
        rateLimit: rate ? Number(rate) : null,
        maxOpen: quota ? Number(quota) : null,
      };
    }
    version = String(first);
  }
  throw new Error(`The limits of ${project} keep changing.`);
}

/** How often somebody else may have been faster. */
const LIMIT_ROUNDS = 10;

export async function dropKey(
  context: Context,
  project: string,
  key: string,
  nonce: string,
): Promise<boolean> {
  const names = keysOf(project);
  const [code] = await context.quick(REVOKE, [names.project, names.revoked(key)], [`k:${key}`, nonce]);
  return code === "revoked";
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
