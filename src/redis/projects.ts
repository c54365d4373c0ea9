import type { ApiKeyRecord } from "../flow/caller.ts";
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

/** Keeps an API key's hash; written again it is the same. */
export const GRANT = script(
  "grant",
  `
local proj, field, value = KEYS[1], ARGV[1], ARGV[2]
redis.call('HSET', proj, field, value)
return {'granted'}
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
export async function putKey(context: Context, project: string, key: ApiKeyRecord): Promise<void> {
  const value = [key.hash, key.expiresAt, key.scopes.join(",") || "-", key.createdAt, key.name].join(" ");
  await context.quick(GRANT, [keysOf(project).project], [`k:${key.key}`, value]);
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
