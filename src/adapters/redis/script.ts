import type { Redis } from "@upstash/redis/cloudflare";
import { RequestTooLarge, StoreRefused, StoreUnavailable } from "../../ports/errors.ts";
import { hex, utf8 } from "../../shared/bytes.ts";
import { fault } from "../../shared/fault-point.ts";
import { jsonLength } from "../../shared/json/byte-count.ts";
import { REQUEST_LIMIT } from "../../shared/limits.ts";
import { MOVES, TERMINAL } from "../../tasks/status.ts";
import { failureOf, isFull, isNoScript } from "./failure.ts";
import { ADMIN, EVERY_KEY } from "./keys.ts";
import { charactersOf, replyOf, type ScriptReply, singleRequests } from "./shared-requests.ts";

export type { ScriptReply } from "./shared-requests.ts";

/** A Lua script, and its name for logs. */
export interface Script {
  readonly name: string;
  /** The text that Redis runs. */
  readonly lua: string;
}

/** Upstash locks just the declared keys; the flag must be the very first bytes. Plain Redis does not know it. */
const SHEBANG = "#!lua flags=allow-key-locking";

/** The same for a script that may write although memory is used up (https://redis.io/docs/latest/develop/reference/errors/common/oom/). */
const EXCEEDING = `${SHEBANG},allow-oom`;

/**
 * The functions that all scripts share. `clock` is the one place where time comes from: milliseconds, as a float, because the
 * embedded engine's integers have 32 bits. MOVES and TERMINAL are the domain's own lists.
 */
const PRELUDE = `
local MOVES = {${Object.entries(MOVES)
  .flatMap(([from, targets]) => targets.map((to) => `['${from}>${to}']=true`))
  .join(",")}}
local TERMINAL = {${TERMINAL.map((status) => `${status}=true`).join(",")}}
local unpack = unpack or table.unpack
local function clock(offset)
  local time = redis.call('TIME')
  return time[1] * 1000.0 + math.floor(time[2] / 1000) + offset
end
-- A number as the text of an integer; and the number of a text, 0 for none.
local function integer(value) return string.format('%.0f', value) end
local function number(text) return tonumber(text or '') or 0 end
-- All fields of a hash by name, and the flat list that HGETALL answers.
local function hash(key)
  local flat, fields = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields, flat
end
-- Some fields of a hash by name: what else the hash holds costs nothing.
local function some(key, names)
  local values, fields = redis.call('HMGET', key, unpack(names)), {}
  for i, name in ipairs(names) do fields[name] = values[i] or nil end
  return fields
end
-- Drops members whose score has passed, at most 100 a time.
local function trim(set, score)
  local passed = redis.call('ZRANGEBYSCORE', set, '-inf', score, 'LIMIT', '0', '100')
  if #passed > 0 then redis.call('ZREM', set, unpack(passed)) end
end
local function failure(reply) return type(reply) == 'table' and reply.err and reply or nil end
-- Sets the TTL of a set that a member was added to. When that fails, the member goes again: a new set would have no TTL.
local function lasting(set, member, ttl)
  local failed = failure(redis.pcall('PEXPIRE', set, ttl))
  if failed then redis.pcall('ZREM', set, member) error(failed, 0) end
end
local function file(set, score, member, ttl)
  redis.call('ZADD', set, score, member)
  lasting(set, member, ttl)
end
-- Adds a member to a set that lasts at least so long: a longer TTL stays.
local function fileFor(set, score, member, ttl)
  redis.call('ZADD', set, score, member)
  if number(redis.pcall('PTTL', set)) < number(ttl) then lasting(set, member, ttl) end
end
-- Writes a hash that expires; a new one goes again when its TTL cannot be set.
local function keep(key, ttl, fields)
  redis.call('HSET', key, unpack(fields))
  local failed = failure(redis.pcall('PEXPIRE', key, ttl))
  if not failed then return end
  if redis.pcall('PTTL', key) == -1 then redis.pcall('DEL', key) end
  error(failed, 0)
end
-- Writes that belong together: when one fails, the commands noted by \`undone\` take back the others, and it fails.
local undo = {}
local function undone(...) undo[#undo + 1] = {...} end
local function together(write)
  local ok, failed = pcall(write)
  if ok then return end
  for i = #undo, 1, -1 do redis.pcall(unpack(undo[i])) end
  -- Redis's own \`pcall\` gives the text alone, and would put ERR before a text that is raised: OOM must stay OOM.
  error(type(failed) == 'table' and failed or {err = failed}, 0)
end
-- Named arguments: how many, then names and values; and the place at which the rest begins.
local function named(words)
  local args, count = {}, number(words[1])
  for i = 2, 2 * count, 2 do args[words[i]] = words[i + 1] end
  return args, 2 * count + 2
end
-- Publishes to the watchers of a task that it has changed, and to which status (the same, when none is given). Costs
-- nothing without watchers.
local function notify(taskKey, task, now, status)
  if number(task.watch) > now then redis.call('PUBLISH', taskKey, status or task.status) end
end
-- The field of the project's hash that proves a caller: the record of its API key; of the admin, one that every project has.
local function proofField(key) return key == '${ADMIN}' and 'cfgv' or 'k:' .. key end
-- Whether a list of scopes contains this one.
local function allows(scopes, scope)
  local list = ',' .. scopes .. ','
  return string.find(list, ',admin,', 1, true) or string.find(list, ',' .. scope .. ',', 1, true)
end
-- Why a caller may not do this, or nil; grant is what the project has in that field. A user of the app around the
-- gateway brings scopes, and has no secret's.
local function denied(grant, secretHash, scope, now)
  local own = string.match(secretHash, '^${ADMIN} (.*)$')
  if secretHash == '${ADMIN}' or own then
    if not grant then return 'unknown-project' end
    if own and (string.find(scope, '^secrets:') or not allows(own, scope)) then return 'forbidden' end
    return nil
  end
  local granted, expires, scopes = string.match(grant or '', '^(%S+) (%S+) (%S+)')
  if granted ~= secretHash then return 'unauthenticated' end
  if expires ~= '0' and tonumber(expires) <= now then return 'unauthenticated' end
  if not allows(scopes, scope) then return 'forbidden' end
  return nil
end
`;

/**
 * Declares a script. Its text begins with a comment that lists its KEYS, its ARGV and what it RETURNS; its first lines
 * give names to its KEYS and ARGV. The argument with the name of an optional key (`name?`) is its place in KEYS, 0 when
 * the call has none. `test/redis/script-headers.test.ts` checks the comment.
 */
export function script(name: string, body: string): Script {
  return { name, lua: `${SHEBANG}${PRELUDE}${body}` };
}

const digests = new Map<string, Promise<string>>();

/** The text's SHA-1 in hex, by which Redis knows the script. */
function shaOf({ lua }: Script): Promise<string> {
  let digest = digests.get(lua);
  if (!digest) {
    digest = crypto.subtle.digest("SHA-1", utf8(lua)).then((bytes) => hex(new Uint8Array(bytes)));
    digests.set(lua, digest);
  }
  return digest;
}

/**
 * Runs scripts: EVALSHA, and EVAL when Redis has forgotten the script.
 *
 * @throws RequestTooLarge when the request would exceed what Redis takes: nothing was sent
 * @throws StoreRefused when Redis answered with an error that the same request would meet again
 * @throws StoreUnavailable when Redis did not answer, or is not able to work now
 */
export type Runner = (
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<readonly ScriptReply[]>;

/**
 * A runner over one client. The SDK's error messages hold whole commands, so none leaves this function:
 * what is passed on is the script's name and the first word of Redis's own error.
 *
 * @param exceeds whether its scripts are run in a full database too: what was accepted must be able to end
 * @param evaluate how scripts are sent that Redis may know
 */
export function createRunner(redis: Redis, exceeds = false, evaluate = singleRequests(redis)): Runner {
  return async (script, keys, args) => {
    const argv = args.map(String);
    const names = [...keys];
    let text: string | undefined; // undefined: Redis knows it by its hash
    for (;;) {
      checkCall(script.name, text ?? SHA, names, argv);
      try {
        return text === undefined
          ? await evaluate(await shaOf(script), names, argv)
          : await redis.eval<string[], ScriptReply[]>(text, names, argv);
      } catch (error) {
        if (text === undefined && isNoScript(error)) text = script.lua;
        else if (exceeds && isFull(error) && !text?.startsWith(EXCEEDING))
          text = script.lua.replace(SHEBANG, EXCEEDING);
        else throw failureOf(script.name, error);
      }
    }
  };
}

/** As long as any SHA-1 in hex. */
const SHA = "0".repeat(40);

/** `["evalsha",…,` with the number of keys, and the brackets of a pipeline, generously. */
const COMMAND_BYTES = 30;

/** Bytes of a command in the request's body, which is JSON: what Redis's limit counts. */
function commandBytes(text: string, keys: readonly string[], argv: readonly string[]): number {
  let bytes = COMMAND_BYTES + jsonLength(text);
  for (const word of keys) bytes += jsonLength(word) + 1;
  for (const word of argv) bytes += jsonLength(word) + 1;
  return bytes;
}

/** Characters of a call that fits for sure, with its script's text: one has 6 bytes at most in JSON, as `\u0001`. */
const SMALL_CALL = 1_000_000;

/** Whether a call fits into a request with any characters: to look at each of them costs more than the rest. */
function isSmall(keys: readonly string[], argv: readonly string[]): boolean {
  return charactersOf(keys, argv) + keys.length + argv.length <= SMALL_CALL;
}

/** More than the text of any script has: it is sent where Redis has forgotten the script. */
const SCRIPT_BYTES = 24 * 1024;

/** Whether Redis takes a call, also where it has forgotten the script. */
export function fits(call: Parameters<Runner>): boolean {
  const [, keys, args] = call;
  return isSmall(keys, args.map(String)) || callBytes(call) <= REQUEST_LIMIT;
}

/** Bytes of a script's call at its longest. */
export function callBytes([, keys, args]: Parameters<Runner>): number {
  return SCRIPT_BYTES + commandBytes("", keys, args.map(String));
}

function checkCall(name: string, text: string, keys: readonly string[], argv: readonly string[]): void {
  if (!isSmall(keys, argv)) checkSize(name, commandBytes(text, keys, argv));
}

function checkSize(name: string, bytes: number): void {
  if (bytes <= REQUEST_LIMIT || fault("size-unmeasured")) return;
  throw new RequestTooLarge(`"${name}" has ${bytes} bytes; Redis takes ${REQUEST_LIMIT} in one request.`);
}

/**
 * Runs one script many times, in one request as long as Redis takes it; the calls that Redis had forgotten the script
 * for are sent once more.
 *
 * @throws RequestTooLarge, StoreRefused, StoreUnavailable as {@link Runner} does, when any call met it
 */
export type BatchRunner = (
  calls: readonly Parameters<Runner>[],
) => Promise<readonly (readonly ScriptReply[])[]>;

export function createBatchRunner(redis: Redis): BatchRunner {
  return async (calls) => {
    const answers: (readonly ScriptReply[])[] = [];
    for (const some of inRequests(calls)) answers.push(...(await sendSome(redis, some)));
    return answers;
  };
}

/** Calls in groups that fit into one request each; one that is too large alone is refused when it is sent. */
function inRequests(calls: readonly Parameters<Runner>[]): readonly (readonly Parameters<Runner>[])[] {
  const requests: Parameters<Runner>[][] = [];
  let room = 0;
  for (const call of calls) {
    const bytes = callBytes(call);
    const last = requests.at(-1);
    if (last && bytes <= room) last.push(call);
    else requests.push([call]);
    room = (last && bytes <= room ? room : REQUEST_LIMIT) - bytes;
  }
  return requests;
}

async function sendSome(redis: Redis, calls: readonly Parameters<Runner>[]) {
  const answers = await sendAll(redis, calls, "by hash");
  const forgotten = calls.filter((_, index) => answers[index] === undefined);
  const again = forgotten.length > 0 ? await sendAll(redis, forgotten, "whole") : [];
  let next = 0;
  return answers.map((answer) => answer ?? again[next++] ?? []);
}

/** One pipeline; undefined where Redis does not know the script. */
async function sendAll(redis: Redis, calls: readonly Parameters<Runner>[], as: "by hash" | "whole") {
  const pipeline = redis.pipeline();
  const told = new Set<string>();
  let bytes = 0;
  for (const [called, keys, args] of calls) {
    const argv = args.map(String);
    // Redis runs them one after the other: it needs a script's text once.
    const text = as === "whole" && !told.has(called.name) ? called.lua : undefined;
    if (text === undefined) pipeline.evalsha(await shaOf(called), [...keys], argv);
    else pipeline.eval(text, [...keys], argv);
    bytes += commandBytes(text ?? SHA, keys, argv);
    told.add(called.name);
  }
  const name = calls[0]?.[0].name ?? "pipeline";
  checkSize(name, bytes);
  try {
    const replies = await pipeline.exec<unknown[]>({ keepErrors: true });
    return replies.map((reply): readonly ScriptReply[] | undefined => readReply(name, reply));
  } catch (error) {
    if (error instanceof StoreUnavailable || error instanceof StoreRefused) throw error;
    throw failureOf(name, error);
  }
}

function readReply(name: string, reply: unknown): readonly ScriptReply[] | undefined {
  const answered = replyOf(reply);
  if (!(answered instanceof Error)) return answered;
  if (isNoScript(answered)) return undefined;
  throw failureOf(name, answered);
}

/** Keys that one page of a scan looks at. */
const SCAN_COUNT = 500;

/** Walks the names of all keys: a plain command, because no script may name keys that it was not given. */
export function createScanner(redis: Redis) {
  return async (cursor: string): Promise<readonly [string, readonly string[]]> => {
    try {
      const [next, keys] = await redis.scan(cursor, { match: EVERY_KEY, count: SCAN_COUNT });
      return [String(next), keys];
    } catch (error) {
      throw failureOf("scan", error);
    }
  };
}

/** Named arguments, as the scripts' `named` reads them. */
export function named(args: Readonly<Record<string, string | number>>): readonly (string | number)[] {
  const pairs = Object.entries(args);
  return [pairs.length, ...pairs.flat()];
}

/** Fields and values of HGETALL as one record. */
export function fieldsOf(flat: ScriptReply | undefined): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  if (!Array.isArray(flat)) return fields;
  for (let i = 0; i + 1 < flat.length; i += 2) fields[String(flat[i])] = String(flat[i + 1]);
  return fields;
}
