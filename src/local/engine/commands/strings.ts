import { argument, exact, float, integer, pairs, printFloat, syntaxError } from "../arguments.ts";
import { type Bytes, CommandError, type Keyspace, type Result } from "../keyspace.ts";
import { type Commands, OK, span } from "./command.ts";

/** The expiry that `EX 10`, `PX`, `EXAT` or `PXAT` names, in ms since 1970. */
function expiryTime(db: Keyspace, option: string, text: Bytes, command: string): number {
  const value = integer(text) * (option.startsWith("EX") ? 1000 : 1);
  if (value <= 0 || !Number.isSafeInteger(value))
    throw new CommandError(`ERR invalid expire time in '${command}' command`);
  return option.endsWith("AT") ? value : db.now() + value;
}

interface SetOptions {
  readonly flags: ReadonlySet<string>;
  readonly expiresAt?: number;
}

function setOptions(db: Keyspace, args: readonly Bytes[], command: string): SetOptions {
  const flags = new Set<string>();
  let expiresAt: number | undefined;
  for (let i = 0; i < args.length; i++) {
    const option = argument(args, i).toUpperCase();
    if (["EX", "PX", "EXAT", "PXAT"].includes(option)) {
      if (expiresAt !== undefined) throw syntaxError();
      expiresAt = expiryTime(db, option, argument(args, ++i), command);
    } else flags.add(option);
  }
  return expiresAt === undefined ? { flags } : { flags, expiresAt };
}

function set(db: Keyspace, args: readonly Bytes[]): Result {
  const key = argument(args, 0);
  const { flags, expiresAt } = setOptions(db, args.slice(2), "set");
  const known = ["NX", "XX", "GET", "KEEPTTL"];
  if ([...flags].some((flag) => !known.includes(flag)) || (flags.has("NX") && flags.has("XX")))
    throw syntaxError();
  if (flags.has("KEEPTTL") && expiresAt !== undefined) throw syntaxError();
  const before = flags.has("GET") ? (db.read("string", key) ?? null) : undefined;
  const exists = db.type(key) !== undefined;
  const refused = (flags.has("NX") && exists) || (flags.has("XX") && !exists);
  if (!refused) {
    db.write(key, argument(args, 1), flags.has("KEEPTTL"));
    if (expiresAt !== undefined) db.expire(key, expiresAt);
  }
  if (before !== undefined) return before;
  return refused ? null : OK;
}

function getex(db: Keyspace, args: readonly Bytes[]): Result {
  const key = argument(args, 0);
  const { flags, expiresAt } = setOptions(db, args.slice(1), "getex");
  if ([...flags].some((flag) => flag !== "PERSIST")) throw syntaxError();
  const value = db.read("string", key);
  if (value === undefined) return null;
  if (flags.has("PERSIST")) db.expire(key, null);
  else if (expiresAt !== undefined) db.expire(key, expiresAt);
  return value;
}

function setWithExpiry(command: string, option: string) {
  return (db: Keyspace, [key = "", time = "", value = ""]: readonly Bytes[]): Result => {
    const expiresAt = expiryTime(db, option, time, command);
    db.write(key, value);
    db.expire(key, expiresAt);
    return OK;
  };
}

function increment(db: Keyspace, key: Bytes, by: number): number {
  const sum = exact(integer(db.read("string", key) ?? "0") + by);
  db.write(key, String(sum), true);
  return sum;
}

function getThen(db: Keyspace, key: Bytes, then: () => void): Result {
  const before = db.read("string", key) ?? null;
  then();
  return before;
}

function writeAll(db: Keyspace, all: readonly [Bytes, Bytes][]): void {
  for (const [key, value] of all) db.write(key, value);
}

export const stringCommands: Commands = {
  get: [2, (db, [key = ""]) => db.read("string", key) ?? null],
  set: [-3, set],
  setnx: [3, (db, [key = "", value = ""]) => (set(db, [key, value, "NX"]) === null ? 0 : 1)],
  setex: [4, setWithExpiry("setex", "EX")],
  psetex: [4, setWithExpiry("psetex", "PX")],
  getset: [3, (db, [key = "", value = ""]) => getThen(db, key, () => db.write(key, value))],
  getdel: [2, (db, [key = ""]) => getThen(db, key, () => db.delete(key))],
  getex: [-2, getex],
  mget: [
    -2,
    (db, keys) => keys.map((key) => (db.type(key) === "string" ? (db.read("string", key) ?? null) : null)),
  ],
  mset: [
    -3,
    (db, args) => {
      writeAll(db, pairs(args, "mset"));
      return OK;
    },
  ],
  msetnx: [
    -3,
    (db, args) => {
      const all = pairs(args, "msetnx");
      if (all.some(([key]) => db.type(key) !== undefined)) return 0;
      writeAll(db, all);
      return 1;
    },
  ],
  incr: [2, (db, [key = ""]) => increment(db, key, 1)],
  decr: [2, (db, [key = ""]) => increment(db, key, -1)],
  incrby: [3, (db, [key = "", by = ""]) => increment(db, key, integer(by))],
  decrby: [3, (db, [key = "", by = ""]) => increment(db, key, -integer(by))],
  incrbyfloat: [
    3,
    (db, [key = "", by = ""]) => {
      const sum = printFloat(float(db.read("string", key) ?? "0") + float(by));
      db.write(key, sum, true);
      return sum;
    },
  ],
  append: [
    3,
    (db, [key = "", more = ""]) => {
      const whole = (db.read("string", key) ?? "") + more;
      db.write(key, whole, true);
      return whole.length;
    },
  ],
  strlen: [2, (db, [key = ""]) => db.read("string", key)?.length ?? 0],
  getrange: [
    4,
    (db, [key = "", start = "", stop = ""]) => {
      const value = db.read("string", key) ?? "";
      return value.slice(...span(value.length, integer(start), integer(stop)));
    },
  ],
};
