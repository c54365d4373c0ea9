import type { ProjectLimits } from "../../../projects/caller.ts";
import { isId } from "../../../shared/id.ts";
import { CONFLICT, retryOnConflict } from "../../../shared/retry-on-conflict.ts";
import type { Context } from "../context.ts";
import { DIRECTORY, GENERATIONS, keysOf } from "../keys.ts";
import { named, script } from "../script.ts";
import { scan } from "./scan.ts";

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
--   limited, <name>, <searchable>, <rate>, <quota>, <keyed>
--                           the limits that hold now; empty where the project has none of its own; 1 when each submit
--                           needs an idempotency key
--   missing                 there is no such project
--   changed, <version>      the limits have another version
local projectKey = KEYS[1]
local args, rest = named(ARGV)
local names = {'name', 'limv', 'limn', 'search', 'rate', 'quota', 'needkey'}
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
return {
  'limited', project.name, project.search or '', project.rate or '', project.quota or '', project.needkey or ''
}
`,
);

/** The name of a project; empty if there is none. */
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

export async function initProject(
  context: Context,
  project: string,
  name: string,
  config: string,
): Promise<void> {
  const names = keysOf(project);
  await context.adding(INIT, [names.project, names.config], named({ name, config }));
}

export async function limitProject(
  context: Context,
  project: string,
  limits: ProjectLimits,
  nonce: string,
): Promise<(ProjectLimits & { readonly name: string }) | undefined> {
  const { searchable, rateLimit, maxOpen, requireIdempotencyKey } = limits;
  const args = [
    ...(searchable ? ["search", searchable.join(",")] : []),
    ...(rateLimit !== undefined ? ["rate", rateLimit ?? ""] : []),
    ...(maxOpen !== undefined ? ["quota", maxOpen ?? ""] : []),
    ...(requireIdempotencyKey !== undefined ? ["needkey", requireIdempotencyKey ? 1 : ""] : []),
  ];
  let version = ""; // none: the first answer names the present one
  return await retryOnConflict(
    async () => {
      const [code, first, search, rate, quota, keyed] = await context.adding(
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
          requireIdempotencyKey: keyed === "1",
        };
      }
      version = String(first);
      return CONFLICT;
    },
    () => {
      throw new Error(`The limits of ${project} keep changing.`);
    },
    LIMIT_TRIES,
  );
}

/** How often limits are set when somebody else sets them too; the first try only learns their version. */
const LIMIT_TRIES = 10;
