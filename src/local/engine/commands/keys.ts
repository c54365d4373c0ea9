import { SimpleString } from "../../engine.ts";
import { argument, glob, integer, syntaxError } from "../arguments.ts";
import { type Bytes, CommandError, type Keyspace, type Result } from "../keyspace.ts";
import { type Commands, OK } from "./command.ts";

const count = (keys: readonly Bytes[], holds: (key: Bytes) => boolean): number => keys.filter(holds).length;

/** EXPIRE and its kin: `unit` in ms; `absolute` when the argument is a time, not a duration. */
function expire(command: string, unit: number, absolute: boolean) {
  return (db: Keyspace, args: readonly Bytes[]): number => {
    const key = argument(args, 0);
    const given = integer(argument(args, 1)) * unit;
    if (!Number.isSafeInteger(given))
      throw new CommandError(`ERR invalid expire time in '${command}' command`);
    const at = absolute ? given : db.now() + given;
    const current = db.expiry(key);
    if (current === undefined || !allowed(args.slice(2), at, current ?? Number.POSITIVE_INFINITY)) return 0;
    db.expire(key, at);
    return 1;
  };
}

function allowed(flags: readonly Bytes[], at: number, current: number): boolean {
  const names = flags.map((flag) => flag.toUpperCase());
  if (names.some((name) => !["NX", "XX", "GT", "LT"].includes(name)))
    throw new CommandError(`ERR Unsupported option ${flags[0]}`);
  if (names.includes("NX") && names.length > 1)
    throw new CommandError("ERR NX and XX, GT or LT options at the same time are not compatible");
  if (names.includes("GT") && names.includes("LT"))
    throw new CommandError("ERR GT and LT options at the same time are not compatible");
  const permanent = current === Number.POSITIVE_INFINITY;
  return names.every((name) => {
    if (name === "NX") return permanent;
    if (name === "XX") return !permanent;
    return name === "GT" ? at > current : at < current;
  });
}

/** TTL and its kin: -2 without a key, -1 without an expiry. */
function remaining(unit: number, absolute: boolean) {
  return (db: Keyspace, [key = ""]: readonly Bytes[]): number => {
    const at = db.expiry(key);
    if (at === undefined) return -2;
    if (at === null) return -1;
    return Math.max(Math.round((absolute ? at : at - db.now()) / unit), 0);
  };
}

function rename(db: Keyspace, from: Bytes, to: Bytes): void {
  if (!db.rename(from, to)) throw new CommandError("ERR no such key");
}

/** One page holds everything that matches: no cursor has to survive changes. */
function scan(db: Keyspace, args: readonly Bytes[]): [Bytes, Bytes[]] {
  const options = new Map<string, Bytes>();
  for (let i = 1; i < args.length; i += 2)
    options.set(argument(args, i).toUpperCase(), argument(args, i + 1));
  const matches = glob(options.get("MATCH") ?? "*");
  const type = options.get("TYPE");
  for (const name of options.keys()) if (!["MATCH", "COUNT", "TYPE"].includes(name)) throw syntaxError();
  return ["0", db.keys().filter((key) => matches(key) && (type === undefined || db.type(key) === type))];
}

function memory(db: Keyspace, subcommand: Bytes, key: Bytes | undefined): Result {
  if (subcommand.toUpperCase() !== "USAGE" || key === undefined)
    throw new CommandError(`ERR unknown subcommand '${subcommand}'. Try MEMORY HELP.`);
  return db.size(key) ?? null;
}

export const keyCommands: Commands = {
  del: [-2, (db, keys) => count(keys, (key) => db.delete(key))],
  unlink: [-2, (db, keys) => count(keys, (key) => db.delete(key))],
  exists: [-2, (db, keys) => count(keys, (key) => db.type(key) !== undefined)],
  touch: [-2, (db, keys) => count(keys, (key) => db.type(key) !== undefined)],
  type: [2, (db, [key = ""]) => new SimpleString(db.type(key) ?? "none")],
  keys: [2, (db, [pattern = ""]) => db.keys().filter(glob(pattern))],
  scan: [-2, scan],
  memory: [-2, (db, [subcommand = "", key]) => memory(db, subcommand, key)],
  dbsize: [1, (db) => db.keys().length],
  randomkey: [1, (db) => db.keys()[Math.floor(Math.random() * db.keys().length)] ?? null],
  rename: [
    3,
    (db, [from = "", to = ""]) => {
      rename(db, from, to);
      return OK;
    },
  ],
  renamenx: [
    3,
    (db, [from = "", to = ""]) => {
      if (db.type(from) !== undefined && db.type(to) !== undefined) return 0;
      rename(db, from, to);
      return 1;
    },
  ],
  expire: [-3, expire("expire", 1000, false)],
  pexpire: [-3, expire("pexpire", 1, false)],
  expireat: [-3, expire("expireat", 1000, true)],
  pexpireat: [-3, expire("pexpireat", 1, true)],
  ttl: [2, remaining(1000, false)],
  pttl: [2, remaining(1, false)],
  expiretime: [2, remaining(1000, true)],
  pexpiretime: [2, remaining(1, true)],
  persist: [
    2,
    (db, [key = ""]) => {
      if (typeof db.expiry(key) !== "number") return 0;
      db.expire(key, null);
      return 1;
    },
  ],
  flushall: [
    -1,
    (db) => {
      db.clear();
      return OK;
    },
  ],
  flushdb: [
    -1,
    (db) => {
      db.clear();
      return OK;
    },
  ],
};
