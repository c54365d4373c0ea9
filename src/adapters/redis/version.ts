import type { StoredForm } from "../../ports/commands/config.ts";
import { STORAGE_VERSION, UNBOUND_WRITES } from "../../shared/limits.ts";
import type { Context } from "./context.ts";
import { BOUND_FROM, DIRECTORY, STORED_VERSION } from "./keys.ts";
import { named, script } from "./script.ts";

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
