import { StoreUnavailable } from "../../../ports/errors.ts";
import type { Context } from "../context.ts";
import { GENERATIONS as KEPT, RE_ENCRYPTION as STATE } from "../keys.ts";
import { fieldsOf, named, script } from "../script.ts";

/** Keys that one call of the script looks at. */
const CHUNK = 100;

/** How far the re-encryption under a new master secret has come: one text, read or written. */
export const RE_ENCRYPTION = script(
  "reEncryption",
  `
-- KEYS
--   state          how far it has come
-- ARGV
--   text           is written first; empty: only read
-- RETURNS
--   <text>                  empty when there is none
local stateKey = KEYS[1]
local args = named(ARGV)
if args.text ~= '' then redis.call('SET', stateKey, args.text) end
return {redis.call('GET', stateKey) or ''}
`,
);

/** Encrypted keys that prove API keys, by generation of the master secret; the given fields are written first. */
export const GENERATIONS = script(
  "generations",
  `
-- KEYS
--   generations    proofs by generation
-- ARGV
--   …              fields and values that are written first
-- RETURNS
--   <field>, <value>, …     all of them
local generationsKey = KEYS[1]
if #ARGV > 0 then redis.call('HSET', generationsKey, unpack(ARGV)) end
return redis.call('HGETALL', generationsKey)
`,
);

/** Whether any of the keys holds a text that a generation of the master secret has encrypted; changes nothing. */
export const SEALED = script(
  "findEncrypted",
  `
-- KEYS
--   values…        what is looked through
-- ARGV
--   plain, bound   how an encrypted text of the generation begins, in the two forms
--   …              per key: its kind, \`hash\`, \`text\` or \`answer\` (a record of an idempotency key)
-- RETURNS
--   found                   one of them holds such a text
--   none                    none does
local args, rest = named(ARGV)
local plain, bound = args.plain, args.bound
local function isEncrypted(text)
  return text and (string.sub(text, 1, #plain) == plain or string.sub(text, 1, #bound) == bound)
end
for i = 1, #KEYS do
  local kind, texts = ARGV[rest + i - 1], {}
  if kind == 'hash' then texts = redis.call('HMGET', KEYS[i], 'in', 'out', 'body')
  elseif kind == 'text' then texts = {redis.call('GETRANGE', KEYS[i], '0', '63')}
  else texts = {'~' .. (string.match(redis.call('GET', KEYS[i]) or '', '^%S+ %S+ (%S+)') or '')} end
  for _, text in ipairs(texts) do
    if isEncrypted(text) then return {'found'} end
  end
end
return {'none'}
`,
);

/** Keys whose value may be encrypted: a task or delivery, a separate payload, an answer with an API key. */
function kindOf(key: string): "hash" | "text" | "answer" | undefined {
  if (/:(?:t:task|d:del)_\w+$/.test(key)) return "hash";
  if (/:t:task_\w+:(?:in|out:\d+)$|:e:evt_/.test(key)) return "text";
  return /:idem:/.test(key) ? "answer" : undefined;
}

export async function generations(
  context: Context,
  changes: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, string>>> {
  const words = Object.entries(changes).flat();
  const run = words.length > 0 ? context.adding : context.quick;
  return fieldsOf(await run(GENERATIONS, [KEPT], words));
}

export async function reEncryptionState(context: Context, text?: string): Promise<string> {
  const [state] = await context.worker(RE_ENCRYPTION, [STATE], named({ text: text ?? "" }));
  return String(state);
}

/** One page of all keys: whether something in it is encrypted under that generation, and where the next page begins. */
export async function findEncrypted(
  context: Context,
  cursor: string,
  generation: string,
): Promise<{ readonly cursor: string; readonly found: boolean }> {
  const [next, keys] = await context.scan(cursor);
  const partitions = Map.groupBy(
    keys.flatMap((key) => {
      const kind = kindOf(key);
      return kind ? [{ key, kind }] : [];
    }),
    ({ key }) => key.split(":", 2).join(":"),
  );
  for (const held of partitions.values()) {
    for (let from = 0; from < held.length; from += CHUNK) {
      const some = held.slice(from, from + CHUNK);
      const [code] = await context.worker(
        SEALED,
        some.map(({ key }) => key),
        [
          ...named({ plain: `~${generation}.`, bound: `~v2.${generation}.` }),
          ...some.map(({ kind }) => kind),
        ],
      );
      if (code !== "found" && code !== "none") throw new StoreUnavailable(`findEncrypted answered "${code}"`);
      if (code === "found") return { cursor: next, found: true };
    }
  }
  return { cursor: next, found: false };
}
