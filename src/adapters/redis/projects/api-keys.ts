import type { ApiKeyRecord, KeyOnce, PutKeyAnswer } from "../../../projects/caller.ts";
import { fault } from "../../../shared/fault-point.ts";
import { IDEMPOTENCY_TTL, TOMBSTONE } from "../../../shared/limits.ts";
import type { Context } from "../context.ts";
import { keysChore, keysOf } from "../keys.ts";
import { named, script } from "../script.ts";
import { scan } from "./scan.ts";

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

/** The first of some projects that has an API key; one request. */
export async function ownerOf(context: Context, projects: readonly string[], key: string) {
  const keys = projects.map((project) => keysOf(project).project);
  const [number] = await context.quick(OWNER, keys, named({ field: `k:${key}` }));
  return projects[Number(number) - 1];
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
