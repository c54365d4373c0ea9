import type { Engine } from "../engine.ts";
import { keysOf } from "./key-specs.ts";

/** Upstash's limits on pay-as-you-go, in bytes. */
export const LIMITS = { request: 10 * 1024 ** 2, record: 100 * 1024 ** 2, key: 32 * 1024 } as const;

/** Commands this long are asked whether their record still has room; smaller ones are let through. */
const LARGE = 64 * 1024;

/** Commands that Upstash does not offer over REST: blocking reads, connection state, other servers' commands. */
const UNAVAILABLE = new Set(
  `blpop brpop blmove brpoplpush blmpop bzpopmin bzpopmax bzmpop
   multi exec discard watch unwatch select auth hello client quit reset
   subscribe unsubscribe psubscribe punsubscribe ssubscribe sunsubscribe spublish monitor
   object sort sort_ro slowlog swapdb move cluster latency module migrate restore-asking
   shutdown debug replicaof slaveof sync psync replconf save bgsave bgrewriteaof lastsave failover role`
    .split(/\s+/)
    .filter(Boolean),
);

/** A reply that a command has without the engine: an error's text, or an empty list. */
export type ApiError = { readonly error: string } | { readonly result: [] };

/** Judges a command before the engine sees it; undefined lets it through. */
export async function refuse(command: readonly string[], engine: Engine): Promise<ApiError | undefined> {
  const name = command[0]?.toLowerCase() ?? "";
  const blocks = (name === "xread" || name === "xreadgroup") && command.some((word) => /^block$/i.test(word));
  if (UNAVAILABLE.has(name) || blocks) return { error: unavailable(command[0] ?? "") };
  if (name === "config" && !/^get$/i.test(command[1] ?? "")) return { error: unavailable("CONFIG") };
  if (name === "command" || name === "config") return { result: [] };
  const keys = keysOf(command);
  for (const key of keys) {
    const size = Buffer.byteLength(key);
    if (size > LIMITS.key) return { error: exceeded("key", LIMITS.key, size) };
  }
  return (await isRecordFull(command, keys[0], engine))
    ? { error: "ERR max single record size exceeded" }
    : undefined;
}

export const exceeded = (what: "request" | "key", limit: number, actual: number): string =>
  `ERR max ${what} size exceeded. Limit: ${limit} bytes, Actual: ${actual} bytes`;

const unavailable = (name: string): string =>
  `ERR Command is not available: '${name.toUpperCase()}'. See https://upstash.com/docs/redis/overall/compatibility for details`;

/** Whether a large command that adds to a record would take it over the limit. */
async function isRecordFull(
  command: readonly string[],
  key: string | undefined,
  engine: Engine,
): Promise<boolean> {
  const adds = /^(append|setrange|hset|hmset|hsetnx|[lr]pushx?|sadd|zadd|xadd)$/i.test(command[0] ?? "");
  const size = adds ? command.reduce((sum, word) => sum + word.length, 0) : 0;
  if (size < LARGE || key === undefined) return false;
  const used = await engine.call(["MEMORY", "USAGE", key]);
  return typeof used === "number" && used + size > LIMITS.record;
}
