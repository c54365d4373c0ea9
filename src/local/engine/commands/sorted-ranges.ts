import { argument, float, integer, syntaxError } from "../arguments.ts";
import { type Bytes, CommandError } from "../keyspace.ts";
import type { ScoredMember, SortedSet } from "../sorted-set.ts";
import { span } from "./command.ts";

/** A range of members: those from the first for which `reached` holds up to the first that is `passed`. */
export interface Bounds {
  reached(entry: ScoredMember): boolean;
  passed(entry: ScoredMember): boolean;
}

export interface RangeQuery {
  readonly bounds: Bounds | readonly [start: number, stop: number];
  readonly reverse: boolean;
  readonly withScores: boolean;
  readonly limit?: readonly [offset: number, count: number];
}

/** `5`, `(5`, `-inf`, `+inf`. */
export function scoreBounds(min: Bytes, max: Bytes): Bounds {
  const [low, high] = [scoreBound(min), scoreBound(max)];
  return {
    reached: ({ score }) => (low.exclusive ? score > low.score : score >= low.score),
    passed: ({ score }) => (high.exclusive ? score >= high.score : score > high.score),
  };
}

function scoreBound(text: Bytes): { score: number; exclusive: boolean } {
  const exclusive = text.startsWith("(");
  return { score: float(exclusive ? text.slice(1) : text, "ERR min or max is not a float"), exclusive };
}

/** `[a`, `(a`, `-`, `+`; meaningful when all scores are the same. */
export function lexBounds(min: Bytes, max: Bytes): Bounds {
  const [low, high] = [lexBound(min), lexBound(max)];
  return {
    reached: ({ member }) => low.compare(member) >= (low.exclusive ? 1 : 0),
    passed: ({ member }) => high.compare(member) >= (high.exclusive ? 0 : 1),
  };
}

function lexBound(text: Bytes): { compare(member: Bytes): number; exclusive: boolean } {
  if (text === "-") return { compare: () => 1, exclusive: false };
  if (text === "+") return { compare: () => -1, exclusive: false };
  const edge = text.slice(1);
  if (!/^[[(]/.test(text)) throw new CommandError("ERR min or max not valid string range item");
  return {
    compare: (member) => Number(member > edge) - Number(member < edge),
    exclusive: text.startsWith("("),
  };
}

export function ranksIn(set: SortedSet, bounds: Bounds): [start: number, end: number] {
  return [set.firstRank(bounds.reached), set.firstRank(bounds.passed)];
}

type By = "rank" | "score" | "lex";

/** Reads `min max [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`; the command fixes some of it. */
export function rangeQuery(args: readonly Bytes[], fixed: { by?: By; reverse?: boolean }): RangeQuery {
  const flags = new Set<string>();
  let limit: RangeQuery["limit"];
  for (let i = 2; i < args.length; i++) {
    const option = argument(args, i).toUpperCase();
    if (option === "LIMIT") limit = [integer(argument(args, ++i)), integer(argument(args, ++i))];
    else if (option === "WITHSCORES" || (!fixed.by && FREE.has(option))) flags.add(option);
    else throw syntaxError();
  }
  const by = fixed.by ?? named(flags);
  const reverse = fixed.reverse ?? flags.has("REV");
  const withScores = flags.has("WITHSCORES");
  if (limit && by === "rank")
    throw new CommandError(
      "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    );
  if (withScores && by === "lex")
    throw new CommandError("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  const edges = [argument(args, 0), argument(args, 1)] as const;
  const [min, max] = by !== "rank" && reverse ? [edges[1], edges[0]] : edges;
  const bounds = BOUNDS[by](min, max);
  return limit ? { bounds, reverse, withScores, limit } : { bounds, reverse, withScores };
}

const FREE = new Set(["REV", "BYSCORE", "BYLEX"]);

const BOUNDS: Readonly<Record<By, (min: Bytes, max: Bytes) => RangeQuery["bounds"]>> = {
  rank: (min, max) => [integer(min), integer(max)],
  score: scoreBounds,
  lex: lexBounds,
};

function named(flags: ReadonlySet<string>): By {
  if (flags.has("BYSCORE")) return "score";
  return flags.has("BYLEX") ? "lex" : "rank";
}

/** The members of a range, in the order that the query asks for. */
export function range(set: SortedSet, { bounds, reverse, limit }: RangeQuery): ScoredMember[] {
  let [start, end] = "reached" in bounds ? ranksIn(set, bounds) : span(set.size, ...bounds);
  if (reverse && !("reached" in bounds)) [start, end] = [set.size - end, set.size - start];
  if (end <= start) return [];
  if (limit) {
    const [offset, count] = limit;
    if (offset < 0) return [];
    const length = count < 0 ? end - start : count;
    if (reverse) [start, end] = [Math.max(end - offset - length, start), end - offset];
    else [start, end] = [start + offset, Math.min(start + offset + length, end)];
    if (end <= start) return [];
  }
  const found = set.slice(start, end);
  return reverse ? found.reverse() : found;
}
