import type { StoredForm } from "../../../ports/config-commands.ts";
import type { ApiKeyRecord, KeyOnce, ProjectLimits, PutKeyAnswer } from "../../../projects/caller.ts";
import { fault } from "../../../shared/fault-point.ts";
import { isId } from "../../../shared/id.ts";
import { IDEMPOTENCY_TTL, STORAGE_VERSION, TOMBSTONE, UNBOUND_WRITES } from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { BOUND_FROM, DIRECTORY, GENERATIONS, keysChore, keysOf, STORED_VERSION, SWEPT } from "../keys.ts";
import { fieldsOf, named, script } from "../script.ts";

/** Gives a project's name an id, once; the very first also says that no generation was before those that are kept. */
export const NAME = script(
  "name",
  `
-- KEYS
--   directory      project names to ids
--   generations    proofs by generation of the master secret
-- ARGV
--   name           name of the project
--   fresh          id for a project that has none
-- RETURNS
--   <id>                    its id
local directoryKey, generationsKey = KEYS[1], KEYS[2]
local args = named(ARGV)
local id = redis.call('HGET', directoryKey, args.name)
if id then return {id} end
if redis.call('EXISTS', directoryKey) == 0 then redis.call('HSET', generationsKey, 'complete', '1') end
redis.call('HSET', directoryKey, args.name, args.fresh)
return {args.fresh}
`,
);

/** The id of the project of a name. */
export const NAMED = script(
  "named",
  `
-- KEYS
--   directory      project names to ids
-- ARGV
--   name           name of the project
-- RETURNS
--   <id>                    empty when there is none
local directoryKey = KEYS[1]
local args = named(ARGV)
return {redis.call('HGET', directoryKey, args.name) or ''}
`,
);

/** Some fields of a hash that may have any number: the cursor to go on with (0: no more), then fields and values. */
export const SCAN = script(
  "scan",
  `
-- KEYS
--   hash           hash that is scanned
-- ARGV
--   cursor         where the last page ended; 0: at the beginning
--   pattern        pattern of the fields
--   most           number of fields, about
-- RETURNS
--   <cursor>, <page>        0 at the end; fields and values
local hashKey = KEYS[1]
local args = named(ARGV)
return redis.call('HSCAN', hashKey, args.cursor, 'MATCH', args.pattern, 'COUNT', args.most)
`,
);

/** Writes a project's first configuration; what is there stays. */
export const INIT = script(
  "init",
  `
-- KEYS
--   project        hash of the project
--   config         configuration of the project
-- ARGV
--   name           name of the project
--   config         JSON of the configuration
-- RETURNS
--   made                    the project is new
--   kept                    it was there
local projectKey, configKey = KEYS[1], KEYS[2]
local args = named(ARGV)
if redis.call('HGET', projectKey, 'cfgv') then return {'kept'} end
redis.call('SET', configKey, '1 ' .. args.config)
redis.call('HSET', projectKey, 'name', args.name, 'cfgv', '1')
return {'made'}
`,
);

/** Keeps an API key's hash, once per idempotency key, whose record keeps the sealed answer too. */
export const GRANT = script(
  "grant",
  `
-- KEYS
--   project        hash of the project
--   revoked        there while the API key is remembered as revoked
--   chores         chores of the partition
--   idempotency?   record of the idempotency key
-- ARGV
--   offset         ms added to Redis's clock
--   field, value   the API key in the project's hash
--   expires        time at which it expires, ms; 0: never
--   chore          the project's member of the chores
--   fingerprint    fingerprint of the request under the idempotency key
--   record         what the record of the idempotency key says of the answer
--   idempotency    place of that key in KEYS
-- RETURNS
--   granted                 the API key is kept
--   repeated, <answer>      the same request was made under the idempotency key; its answer, encrypted
--   reused, <answer>        another request was made under the idempotency key
local projectKey, revokedKey, choresKey = KEYS[1], KEYS[2], KEYS[3]
local args = named(ARGV)
local idempotencyKey, expires = KEYS[number(args.idempotency)], number(args.expires)
local known = idempotencyKey and redis.call('GET', idempotencyKey)
if known then
  local before, _, sealed = string.match(known, '^(%S+) (%S+) (%S+)$')
  return {before == args.fingerprint and 'repeated' or 'reused', sealed}
end
-- Made before, and revoked since: this one was sent twice and comes late.
if redis.call('EXISTS', revokedKey) == 1 and not ${fault("key-comes-back")} then return {'granted'} end
-- The sweep looks the project's keys over: soon for the first time, then when the next one expires.
local look = redis.call('ZSCORE', choresKey, args.chore)
if not look or expires > 0 and expires < number(look) then
  redis.call('ZADD', choresKey, integer(look and expires or clock(args.offset)), args.chore)
end
together(function()
  if idempotencyKey then
    undone('DEL', idempotencyKey)
    redis.call('SET', idempotencyKey, args.fingerprint .. ' ' .. args.record, 'PX', '${IDEMPOTENCY_TTL}')
  end
  redis.call('HSET', projectKey, args.field, args.value)
end)
return {'granted'}
`,
);

/** Sets a project's own limits and what it is searched by, in place of the version that was read; an empty value takes one away. */
export const LIMIT = script(
  "limit",
  `
-- KEYS
--   project        hash of the project
-- ARGV
--   nonce          the same when this is sent again
--   version        version of the limits, as the caller read it
--   …              fields and values of the project's hash; an empty value takes the field away
-- RETURNS
--   limited, <name>, <searchable>, <rate>, <quota>
--                           the limits that hold now; empty where the project has none of its own
--   missing                 there is no such project
--   changed, <version>      the limits have another version
local projectKey = KEYS[1]
local args, rest = named(ARGV)
local names = {'name', 'limv', 'limn', 'search', 'rate', 'quota'}
local project = some(projectKey, names)
if not project.name then return {'missing'} end
if project.limn ~= args.nonce then
  local present = project.limv or '0'
  if args.version ~= present then return {'changed', present} end
  local sets = {'limv', integer(number(present) + 1), 'limn', args.nonce}
  together(function()
    for i = rest, #ARGV, 2 do
      local field, value = ARGV[i], ARGV[i + 1]
      if value ~= '' then sets[#sets + 1] = field; sets[#sets + 1] = value
      elseif project[field] then
        undone('HSET', projectKey, field, project[field])
        redis.call('HDEL', projectKey, field)
      end
    end
    redis.call('HSET', projectKey, unpack(sets))
  end)
  project = some(projectKey, names)
end
return {'limited', project.name, project.search or '', project.rate or '', project.quota or ''}
`,
);

/** Forgets an API key: what is absent is revoked. For a while it is remembered, so that what made the key makes it no more. */
export const REVOKE = script(
  "revoke",
  `
-- KEYS
--   project        hash of the project
--   revoked        there while the API key is remembered as revoked
-- ARGV
--   field          field of the API key in the project's hash
--   nonce          the same when this is sent again
-- RETURNS
--   revoked                 now or by this nonce before
--   missing                 there is no such API key
local projectKey, revokedKey = KEYS[1], KEYS[2]
local args = named(ARGV)
if redis.call('GET', revokedKey) == args.nonce then return {'revoked'} end
if redis.call('HDEL', projectKey, args.field) == 0 then return {'missing'} end
-- A full database may refuse it: it takes no new key either.
redis.pcall('SET', revokedKey, args.nonce, 'PX', '${TOMBSTONE}')
return {'revoked'}
`,
);

/** What a project is called; empty where it is not there. */
export const PROJECT = script(
  "project",
  `
-- KEYS
--   project        hash of the project
-- ARGV
--   (none)
-- RETURNS
--   <name>                  empty when it is not there
local projectKey = KEYS[1]
return {redis.call('HGET', projectKey, 'name') or ''}
`,
);

/** Which of some projects' hashes has a field: its number, or 0. */
export const OWNER = script(
  "owner",
  `
-- KEYS
--   projects…      hashes of projects
-- ARGV
--   field          field of the API key
-- RETURNS
--   <number>                place of the project in KEYS; 0: none has it
local args = named(ARGV)
for i = 1, #KEYS do
  if redis.call('HEXISTS', KEYS[i], args.field) == 1 then return {i} end
end
return {0}
`,
);

/**
 * The version of what is stored, and whether texts are encrypted in the bound form. The release before does not open
 * that: where it has made projects, the form waits until nobody rolls back to it any more. That is decided once.
 */
export const VERSION = script(
  "version",
  `
-- KEYS
--   version        version of what is stored
--   bound          from when on the form is bound
--   directory      project names to ids
-- ARGV
--   offset         ms added to Redis's clock
--   known          the highest version that the caller knows
-- RETURNS
--   <version>, <form>       \`bound\`, or empty
local versionKey, boundKey, directoryKey = KEYS[1], KEYS[2], KEYS[3]
local args = named(ARGV)
local version = redis.call('GET', versionKey) or '1'
if number(version) > number(args.known) then return {version, ''} end
local now, from = clock(args.offset), redis.call('GET', boundKey)
if not from then
  from = redis.call('EXISTS', directoryKey) == 1 and integer(now + ${UNBOUND_WRITES}) or '0'
  redis.call('SET', boundKey, from)
end
return {version, number(from) <= now and 'bound' or ''}
`,
);

/** Whether Redis runs scripts, what time it has, and when the last sweep was made. */
export const PING = script(
  "ping",
  `
-- KEYS
--   sweep          time of the last sweep
-- ARGV
--   offset         ms added to Redis's clock
-- RETURNS
--   pong, <sweep>, <now>    empty when there was none
local sweepKey = KEYS[1]
local args = named(ARGV)
return {'pong', redis.call('GET', sweepKey) or '', integer(clock(args.offset))}
`,
);

export async function ping(context: Context): Promise<{ ok: boolean; now: number; sweptAt?: number }> {
  const [answer, swept, now] = await context.quick(PING, [SWEPT], named({ offset: context.offset }));
  return { ok: answer === "pong", now: Number(now), ...(swept && { sweptAt: Number(swept) }) };
}

export async function nameProject(context: Context, name: string, fresh: string): Promise<string> {
  const [id] = await context.adding(NAME, [DIRECTORY, GENERATIONS], named({ name, fresh }));
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
  const [id] = await context.quick(NAMED, [DIRECTORY], named({ name: wanted }));
  return id ? { id: String(id), name: wanted } : undefined;
}

/** The first of some projects that has an API key; one request. */
export async function ownerOf(context: Context, projects: readonly string[], key: string) {
  const keys = projects.map((project) => keysOf(project).project);
  const [number] = await context.quick(OWNER, keys, named({ field: `k:${key}` }));
  return projects[Number(number) - 1];
}

/** @throws Error when the version is no number */
export async function readVersion(context: Context): Promise<StoredForm> {
  const [version, form] = await context.quick(
    VERSION,
    [STORED_VERSION, BOUND_FROM, DIRECTORY],
    named({ offset: context.offset, known: STORAGE_VERSION }),
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
  await context.adding(INIT, [names.project, names.config], named({ name, config }));
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
  const keys = [names.project, names.revoked(key.key), names.chores];
  const args = named({
    offset: context.offset,
    field: `k:${key.key}`,
    value,
    expires: key.expiresAt,
    chore: keysChore(project),
    fingerprint: once?.idempotency.fingerprint ?? "",
    record: once ? `${once.id} ${once.encrypted}` : "",
    idempotency: once ? keys.push(names.idempotency(once.idempotency.hash)) : 0,
  });
  const [code, encrypted] = await context.adding(GRANT, keys, args);
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
      [...named({ nonce, version }), ...args],
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
  const keys = [names.project, names.revoked(key)];
  const args = named({ field: `k:${key}`, nonce });
  const [code] = await context.quick(REVOKE, keys, args);
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
    const [next, flat] = await context.quick(SCAN, [key], named({ cursor, pattern, most: SCANNED }));
    for (const [name, value] of Object.entries(fieldsOf(flat))) data.set(name, value);
    cursor = String(next);
  } while (cursor !== "0" && data.size < PAGE);
  return { data: [...data], ...(cursor !== "0" && { next: cursor }) };
}
