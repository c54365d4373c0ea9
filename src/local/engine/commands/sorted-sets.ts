import { argument, float, integer, printFloat, syntaxError } from "../arguments.ts";
import { type Bytes, CommandError, type Keyspace, type Result } from "../keyspace.ts";
import { type ScoredMember, SortedSet } from "../sorted-set.ts";
import type { Commands } from "./command.ts";
import {
  type Bounds,
  lexBounds,
  type RangeQuery,
  range,
  rangeQuery,
  ranksIn,
  scoreBounds,
} from "./sorted-ranges.ts";

const read = (db: Keyspace, key: Bytes): SortedSet => db.read("zset", key) ?? new SortedSet();

interface AddOptions {
  readonly flags: ReadonlySet<string>;
  readonly members: readonly ScoredMember[];
}

function addOptions(args: readonly Bytes[]): AddOptions {
  const flags = new Set<string>();
  let at = 1;
  while (["NX", "XX", "GT", "LT", "CH", "INCR"].includes(argument(args, at).toUpperCase()))
    flags.add(argument(args, at++).toUpperCase());
  if (at === args.length || (args.length - at) % 2 !== 0) throw syntaxError();
  if (flags.has("NX") && flags.has("XX"))
    throw new CommandError("ERR XX and NX options at the same time are not compatible");
  if (["NX", "GT", "LT"].filter((flag) => flags.has(flag)).length > 1)
    throw new CommandError("ERR GT, LT, and/or NX options at the same time are not compatible");
  const members: ScoredMember[] = [];
  for (; at < args.length; at += 2)
    members.push({ score: float(argument(args, at)), member: argument(args, at + 1) });
  if (flags.has("INCR") && members.length > 1)
    throw new CommandError("ERR INCR option supports a single increment-element pair");
  return { flags, members };
}

/** The score a member gets, or undefined when the flags refuse it. */
function nextScore(
  flags: ReadonlySet<string>,
  before: number | undefined,
  given: number,
): number | undefined {
  if (before === undefined) return flags.has("XX") ? undefined : given;
  if (flags.has("NX")) return undefined;
  const score = flags.has("INCR") ? before + given : given;
  if (Number.isNaN(score)) throw new CommandError("ERR resulting score is not a number (NaN)");
  if ((flags.has("GT") && score <= before) || (flags.has("LT") && score >= before)) return undefined;
  return score;
}

function add(db: Keyspace, args: readonly Bytes[]): Result {
  const key = argument(args, 0);
  const { flags, members } = addOptions(args);
  const set = db.open("zset", key);
  let added = 0;
  let changed = 0;
  let last: number | undefined;
  for (const { member, score: given } of members) {
    const before = set.score(member);
    last = nextScore(flags, before, given);
    if (last === undefined) continue;
    if (before === undefined) added++;
    else if (before !== last) changed++;
    set.set(member, last);
  }
  db.prune(key);
  if (flags.has("INCR")) return last === undefined ? null : printFloat(last);
  return flags.has("CH") ? added + changed : added;
}

function remove(db: Keyspace, key: Bytes, members: readonly Bytes[]): number {
  const set = read(db, key);
  const gone = members.filter((member) => set.delete(member)).length;
  db.prune(key);
  return gone;
}

function pop(db: Keyspace, key: Bytes, count: number, highest: boolean): Result {
  const set = read(db, key);
  const taken = highest
    ? set.slice(Math.max(set.size - count, 0), set.size).toReversed()
    : set.slice(0, count);
  remove(
    db,
    key,
    taken.map(({ member }) => member),
  );
  return taken.flatMap(({ member, score }) => [member, printFloat(score)]);
}

const print = (query: RangeQuery, found: readonly ScoredMember[]): Result =>
  found.flatMap(({ member, score }) => (query.withScores ? [member, printFloat(score)] : [member]));

function answerRange(db: Keyspace, key: Bytes, query: RangeQuery): Result {
  return print(query, range(read(db, key), query));
}

const score = (db: Keyspace, key: Bytes, member: Bytes): Result => {
  const found = read(db, key).score(member);
  return found === undefined ? null : printFloat(found);
};

function countIn(db: Keyspace, key: Bytes, bounds: Bounds): number {
  const [start, end] = ranksIn(read(db, key), bounds);
  return Math.max(end - start, 0);
}

function removeRange(db: Keyspace, key: Bytes, query: RangeQuery): number {
  return remove(
    db,
    key,
    range(read(db, key), query).map(({ member }) => member),
  );
}

export const sortedSetCommands: Commands = {
  zadd: [-4, add],
  zincrby: [4, (db, [key = "", by = "", member = ""]) => add(db, [key, "INCR", by, member])],
  zrem: [-3, (db, [key = "", ...members]) => remove(db, key, members)],
  zcard: [2, (db, [key = ""]) => read(db, key).size],
  zscore: [3, (db, [key = "", member = ""]) => score(db, key, member)],
  zmscore: [-3, (db, [key = "", ...members]) => members.map((member) => score(db, key, member))],
  zcount: [4, (db, [key = "", min = "", max = ""]) => countIn(db, key, scoreBounds(min, max))],
  zlexcount: [4, (db, [key = "", min = "", max = ""]) => countIn(db, key, lexBounds(min, max))],
  zrank: [3, (db, [key = "", member = ""]) => read(db, key).rank(member) ?? null],
  zrevrank: [
    3,
    (db, [key = "", member = ""]) => {
      const set = read(db, key);
      const rank = set.rank(member);
      return rank === undefined ? null : set.size - 1 - rank;
    },
  ],
  zrange: [-4, (db, [key = "", ...rest]) => answerRange(db, key, rangeQuery(rest, {}))],
  zrevrange: [
    -4,
    (db, [key = "", ...rest]) => answerRange(db, key, rangeQuery(rest, { by: "rank", reverse: true })),
  ],
  zrangebyscore: [-4, (db, [key = "", ...rest]) => answerRange(db, key, rangeQuery(rest, { by: "score" }))],
  zrevrangebyscore: [
    -4,
    (db, [key = "", ...rest]) => answerRange(db, key, rangeQuery(rest, { by: "score", reverse: true })),
  ],
  zrangebylex: [-4, (db, [key = "", ...rest]) => answerRange(db, key, rangeQuery(rest, { by: "lex" }))],
  zrevrangebylex: [
    -4,
    (db, [key = "", ...rest]) => answerRange(db, key, rangeQuery(rest, { by: "lex", reverse: true })),
  ],
  zremrangebyrank: [4, (db, [key = "", ...rest]) => removeRange(db, key, rangeQuery(rest, {}))],
  zremrangebyscore: [4, (db, [key = "", ...rest]) => removeRange(db, key, rangeQuery(rest, { by: "score" }))],
  zremrangebylex: [4, (db, [key = "", ...rest]) => removeRange(db, key, rangeQuery(rest, { by: "lex" }))],
  zpopmin: [-2, (db, [key = "", count = "1"]) => pop(db, key, integer(count), false)],
  zpopmax: [-2, (db, [key = "", count = "1"]) => pop(db, key, integer(count), true)],
};
