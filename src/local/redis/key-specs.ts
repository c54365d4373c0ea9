/**
 * Where a command's keys stand among its words (the name is word 0): from `first` to `last` (negative:
 * from the end) by `step`; with `count`, that word says how many keys follow it, `first` being one more.
 */
export interface KeySpec {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  readonly count?: number;
}

const NONE: KeySpec = { first: 0, last: 0, step: 0 };
const ONE: KeySpec = { first: 1, last: 1, step: 1 };
const ALL: KeySpec = { first: 1, last: -1, step: 1 };
const TWO: KeySpec = { first: 1, last: 2, step: 1 };
const PAIRS: KeySpec = { first: 1, last: -1, step: 2 };
const SECOND: KeySpec = { first: 2, last: 2, step: 1 };
const FROM_SECOND: KeySpec = { first: 2, last: -1, step: 1 };
const COUNTED: KeySpec = { ...NONE, count: 1 };
const COUNTED_SECOND: KeySpec = { ...NONE, count: 2 };
const DESTINATION_COUNTED: KeySpec = { ...ONE, count: 2 };

/** Commands of Redis 8 whose keys are elsewhere than in the first word after the name. */
const SPECS: readonly (readonly [KeySpec, string])[] = [
  [NONE, "ping echo time publish info command config dbsize keys scan randomkey script wait acl"],
  [
    ALL,
    "del unlink exists touch mget sinter sunion sdiff sinterstore sunionstore sdiffstore pfcount pfmerge",
  ],
  [PAIRS, "mset msetnx"],
  [TWO, "rename renamenx copy smove lmove rpoplpush geosearchstore zrangestore lcs"],
  [SECOND, "memory xgroup xinfo object"],
  [FROM_SECOND, "bitop"],
  [COUNTED, "zunion zinter zdiff zintercard sintercard lmpop zmpop"],
  [COUNTED_SECOND, "eval evalsha eval_ro evalsha_ro fcall fcall_ro"],
  [DESTINATION_COUNTED, "zunionstore zinterstore zdiffstore"],
];

export const KEY_SPECS: ReadonlyMap<string, KeySpec> = new Map(
  SPECS.flatMap(([spec, names]) => names.split(" ").map((name) => [name, spec] as const)),
);

/** The keys that a command names. */
export function keysOf(command: readonly string[]): string[] {
  const name = command[0]?.toLowerCase() ?? "";
  if (name === "xread" || name === "xreadgroup") {
    const streams = command.slice(command.findIndex((word) => word.toUpperCase() === "STREAMS") + 1);
    return streams.slice(0, streams.length / 2);
  }
  const { first, last, step, count } = KEY_SPECS.get(name) ?? ONE;
  const end = last < 0 ? command.length + last : last;
  const keys: string[] = [];
  for (let at = first; step > 0 && at <= end && at < command.length; at += step) keys.push(command[at] ?? "");
  if (count !== undefined) keys.push(...command.slice(count + 1, count + 1 + Number(command[count])));
  return keys;
}
