import type { StoredForm } from "../../../ports/config-commands.ts";
import type { ApiKeyRecord, KeyOnce, ProjectLimits, PutKeyAnswer } from "../../../projects/caller.ts";
import { fault } from "../../../shared/fault-point.ts";
import { isId } from "../../../shared/id.ts";
import { IDEMPOTENCY_TTL, STORAGE_VERSION, TOMBSTONE, UNBOUND_WRITES } from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { BOUND_FROM, DIRECTORY, GENERATIONS, keysChore, keysOf, STORED_VERSION, SWEPT } from "../keys.ts";
import { fieldsOf, script } from "../script.ts";

/** Gives a project's name an id, once; the very first also says that no generation was before those that are kept. */
export const NAME = script(
  "name",
  `
local dir, gens, name, fresh = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local id = redis.call('HGET', dir, name)
if id then return {id} end
if redis.call('EXISTS', dir) == 0 then redis.call('HSET', gens, 'complete', '1') end
redis.call('HSET', dir, name, fresh)
return {fresh}
`,
);

/** The id of the project of a name. */
export const NAMED = script("named", "return {redis.call('HGET', KEYS[1], ARGV[1]) or ''}");

/** Some fields of a hash that may have any number: the cursor to go on with (0: no more), then fields and values. */
export const SCAN = script(
  "scan",
  `
local hash, cursor, pattern, most = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
return redis.call('HSCAN', hash, cursor, 'MATCH', pattern, 'COUNT', most)
`,
);

/** Writes a project's first configuration; what is there stays. */
export const INIT = script(
  "init",
  `
local proj, cfg, name, config = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
if redis.call('HGET', proj, 'cfgv') then return {'kept'} end
redis.call('SET', cfg, '1 ' .. config)
redis.call('HSET', proj, 'name', name, 'cfgv', '1')
return {'made'}
`,
);

/** Keeps an API key's hash, once per idempotency key, whose record keeps the sealed answer too. */
export const GRANT = script(
  "grant",
  `
local proj, revoked, chores, idem = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local offset, field, value, expires, chore, fingerprint, record = ARGV[1], ARGV[2], ARGV[3], num(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
local known = idem and redis.call('GET', idem)
if known then
  local before, _, sealed = string.match(known, '^(%S+) (%S+) (%S+)$')
  return {before == fingerprint and 'repeated' or 'reused', sealed}
end
-- Made before, and revoked since: this one was sent twice and comes late.
if redis.call('EXISTS', revoked) == 1 and not ${fault("key-comes-back")} then return {'granted'} end
-- The sweep looks the project's keys over: soon for the first time, then when the next one expires.
local look = redis.call('ZSCORE', chores, chore)
if not look or expires > 0 and expires < num(look) then
  redis.call('ZADD', chores, ms(look and expires or now(offset)), chore)
end
together(function()
  if idem then undone('DEL', idem) redis.call('SET', idem, fingerprint .. ' ' .. record, 'PX', '${IDEMPOTENCY_TTL}') end
  redis.call('HSET', proj, field, value)
end)
return {'granted'}
`,
);

/** Sets a project's own limits and what it is searched by, in place of the version that was read; an empty value takes one away. */
export const LIMIT = script(
  "limit",
  `
local proj, nonce, version = KEYS[1], ARGV[1], ARGV[2]
local names = {'name', 'limv', 'limn', 'search', 'rate', 'quota'}
local p = some(proj, names)
if not p.name then return {'missing'} end
if p.limn ~= nonce then
  local present = p.limv or '0'
  if version ~= present then return {'changed', present} end
  local sets = {'limv', ms(num(present) + 1), 'limn', nonce}
  together(function()
    for i = 3, #ARGV, 2 do
      if ARGV[i + 1] ~= '' then sets[#sets + 1] = ARGV[i]; sets[#sets + 1] = ARGV[i + 1]
      elseif p[ARGV[i]] then
        undone('HSET', proj, ARGV[i], p[ARGV[i]])
        redis.call('HDEL', proj, ARGV[i])
      end
    end
    redis.call('HSET', proj, unpack(sets))
  end)
  p = some(proj, names)
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

/** What a project is called; empty where it is not there. */
export const PROJECT = script("project", "return {redis.call('HGET', KEYS[1], 'name') or ''}");

/** Which of some projects' hashes has a field: its number, or 0. */
export const OWNER = script(
  "owner",
  `
for i = 1, #KEYS do
  if redis.call('HEXISTS', KEYS[i], ARGV[1]) == 1 then return {i} end
end
return {0}
`,
);

/**
 * The version of what is stored, and whether texts are encrypted in the bound form. The release before does not open
 * that: where it has made projects, the form waits until nobody rolls back to it any more. That is decided once.
 *
 * KEYS: version, since when the form is bound, directory. ARGV: offset, the highest version that the caller knows.
 */
export const VERSION = script(
  "version",
  `
local version, bound, dir = redis.call('GET', KEYS[1]) or '1', KEYS[2], KEYS[3]
if num(version) > num(ARGV[2]) then return {version, ''} end
local t, from = now(ARGV[1]), redis.call('GET', bound)
if not from then
  from = redis.call('EXISTS', dir) == 1 and ms(t + ${UNBOUND_WRITES}) or '0'
  redis.call('SET', bound, from)
end
return {version, num(from) <= t and 'bound' or ''}
`,
);

/** Whether Redis runs scripts, what time it has, and when the last sweep was made. */
export const PING = script("ping", "return {'pong', redis.call('GET', KEYS[1]) or '', ms(now(ARGV[1]))}");

export async function ping(context: Context): Promise<{ ok: boolean; now: number; sweptAt?: number }> {
  const [answer, swept, now] = await context.quick(PING, [SWEPT], [context.offset]);
  return { ok: answer === "pong", now: Number(now), ...(swept && { sweptAt: Number(swept) }) };
}

export async function nameProject(context: Context, name: string, fresh: string): Promise<string> {
  const [id] = await context.adding(NAME, [DIRECTORY, GENERATIONS], [name, fresh]);
  return String(id);
}

/** A page of the directory, in no order. */
export async function listProjects(context: Context, cursor?: string) {
  const page = await scan(context, DIRECTORY, "*", cursor);
  return { ...page, data: page.data.map(([name, id]) => ({ name, id })) };
}

/** Finds a project by its id or its name. */
export async function findProject(context: Context, wanted: string) {
  if (isId("prj", wanted)) {
    const [name] = await context.quick(PROJECT, [keysOf(wanted).project], []);
    if (name) return { id: wanted, name: String(name) };
  }
  const [id] = await context.quick(NAMED, [DIRECTORY], [wanted]);
  return id ? { id: String(id), name: wanted } : undefined;
}

/** The first of some projects that has an API key; one request. */
export async function ownerOf(context: Context, projects: readonly string[], key: string) {
  const keys = projects.map((project) => keysOf(project).project);
  const [number] = await context.quick(OWNER, keys, [`k:${key}`]);
  return projects[Number(number) - 1];
}

/** @throws Error when the version is no number */
export async function readVersion(context: Context): Promise<StoredForm> {
  const [version, form] = await context.quick(
    VERSION,
    [STORED_VERSION, BOUND_FROM, DIRECTORY],
    [context.offset, STORAGE_VERSION],
  );
  if (!/^[1-9]\d{0,8}$/.test(String(version))) throw new Error(`"${STORED_VERSION}" is no version`);
  return { version: Number(version), bound: form === "bound" };
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
  const [code, encrypted] = await context.adding(
    GRANT,
    [
      names.project,
      names.revoked(key.key),
      names.chores,
      ...(once ? [names.idempotency(once.idempotency.hash)] : []),
    ],
    [
      context.offset,
      `k:${key.key}`,
      value,
      key.expiresAt,
      keysChore(project),
      ...(once ? [once.idempotency.fingerprint, `${once.id} ${once.encrypted}`] : []),
    ],
  );
  switch (code) {
    case "granted":
    case "reused":
      return { kind: code };
    case "repeated":
      return { kind: code, encrypted: String(encrypted) };
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
  const args = [
    ...(searchable ? ["search", searchable.join(",")] : []),
    ...(rateLimit !== undefined ? ["rate", rateLimit ?? ""] : []),
    ...(maxOpen !== undefined ? ["quota", maxOpen ?? ""] : []),
  ];
  let version = ""; // none: the first answer names the present one
  for (let round = 0; round < LIMIT_ROUNDS; round++) {
    const [code, first, search, rate, quota] = await context.adding(
      LIMIT,
      [keysOf(project).project],
      [nonce, version, ...args],
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

/** A page of a project's API keys, those of a page oldest first. */
export async function listKeys(context: Context, project: string, cursor?: string) {
  const page = await scan(context, keysOf(project).project, "k:*", cursor);
  const data = page.data.map(([name, value]): ApiKeyRecord => {
    const [hash = "", expiresAt = "0", scopes = "", createdAt = "0", ...args] = value.split(" ");
    return {
      key: name.slice(2),
      hash,
      expiresAt: Number(expiresAt),
      scopes: scopes === "-" ? [] : scopes.split(","),
      createdAt: Number(createdAt),
      name: args.join(" "),
    };
  });
  return { ...page, data: data.toSorted((a, b) => a.createdAt - b.createdAt) };
}

/** Fields that one script reads, about, and after how many a page is full. */
const SCANNED = 500;
const PAGE = 1_000;

/** Fields of a hash, until a page is full or nothing is left. */
async function scan(context: Context, key: string, pattern: string, from = "0") {
  const data = new Map<string, string>();
  let cursor = from;
  do {
    const [next, flat] = await context.quick(SCAN, [key], [cursor, pattern, SCANNED]);
    for (const [name, value] of Object.entries(fieldsOf(flat))) data.set(name, value);
    cursor = String(next);
  } while (cursor !== "0" && data.size < PAGE);
  return { data: [...data], ...(cursor !== "0" && { next: cursor }) };
}
