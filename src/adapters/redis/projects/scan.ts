import type { Context } from "../context.ts";
import { fieldsOf, named, script } from "../script.ts";

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

/** Fields that one script reads, about, and after how many a page is full. */
const SCANNED = 500;
const PAGE = 1_000;

/** Fields of a hash, until a page is full or nothing is left. */
export async function scan(context: Context, key: string, pattern: string, from = "0") {
  const data = new Map<string, string>();
  let cursor = from;
  do {
    const [next, flat] = await context.quick(SCAN, [key], named({ cursor, pattern, most: SCANNED }));
    for (const [name, value] of Object.entries(fieldsOf(flat))) data.set(name, value);
    cursor = String(next);
  } while (cursor !== "0" && data.size < PAGE);
  return { data: [...data], ...(cursor !== "0" && { next: cursor }) };
}
