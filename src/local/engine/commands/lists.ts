import { argument, integer, syntaxError } from "../arguments.ts";
import { type Bytes, CommandError, type Keyspace, type Result } from "../keyspace.ts";
import { type Commands, OK, span } from "./command.ts";

type End = "left" | "right";

const read = (db: Keyspace, key: Bytes): Bytes[] => db.read("list", key) ?? [];

function push(db: Keyspace, end: End, [key = "", ...values]: readonly Bytes[]): number {
  const list = db.open("list", key);
  if (end === "right") list.push(...values);
  else list.unshift(...values.toReversed());
  return list.length;
}

const pushIfPresent = (end: End) => (db: Keyspace, args: readonly Bytes[]) =>
  db.read("list", argument(args, 0)) ? push(db, end, args) : 0;

function take(db: Keyspace, end: End, key: Bytes, count: number): Bytes[] {
  const list = read(db, key);
  const taken =
    end === "left" ? list.splice(0, count) : list.splice(Math.max(list.length - count, 0)).toReversed();
  db.prune(key);
  return taken;
}

const pop =
  (end: End) =>
  (db: Keyspace, [key = "", count]: readonly Bytes[]): Result => {
    if (count === undefined) return take(db, end, key, 1)[0] ?? null;
    const many = integer(count);
    if (many < 0) throw new CommandError("ERR value is out of range, must be positive");
    return db.read("list", key) ? take(db, end, key, many) : null;
  };

function side(text: Bytes): End {
  const end = text.toLowerCase();
  if (end !== "left" && end !== "right") throw syntaxError();
  return end;
}

function move(db: Keyspace, from: Bytes, to: Bytes, out: End, into: End): Result {
  db.read("list", to);
  const [value] = take(db, out, from, 1);
  if (value === undefined) return null;
  push(db, into, [to, value]);
  return value;
}

function remove(db: Keyspace, [key = "", limit = "", value = ""]: readonly Bytes[]): number {
  const list = read(db, key);
  const count = integer(limit);
  const places = list.flatMap((item, place) => (item === value ? [place] : []));
  const chosen = count < 0 ? places.slice(count) : places.slice(0, count || places.length);
  for (const place of chosen.toReversed()) list.splice(place, 1);
  db.prune(key);
  return chosen.length;
}

function insert(db: Keyspace, [key = "", where = "", pivot = "", value = ""]: readonly Bytes[]): number {
  const side = where.toUpperCase();
  if (side !== "BEFORE" && side !== "AFTER") throw syntaxError();
  const list = db.read("list", key);
  if (!list) return 0;
  const at = list.indexOf(pivot);
  if (at < 0) return -1;
  list.splice(side === "BEFORE" ? at : at + 1, 0, value);
  return list.length;
}

function setAt(db: Keyspace, [key = "", index = "", value = ""]: readonly Bytes[]): Result {
  const list = db.read("list", key);
  if (!list) throw new CommandError("ERR no such key");
  const place = integer(index) < 0 ? list.length + integer(index) : integer(index);
  if (place < 0 || place >= list.length) throw new CommandError("ERR index out of range");
  list[place] = value;
  return OK;
}

export const listCommands: Commands = {
  lpush: [-3, (db, args) => push(db, "left", args)],
  rpush: [-3, (db, args) => push(db, "right", args)],
  lpushx: [-3, pushIfPresent("left")],
  rpushx: [-3, pushIfPresent("right")],
  lpop: [-2, pop("left")],
  rpop: [-2, pop("right")],
  llen: [2, (db, [key = ""]) => read(db, key).length],
  lrange: [
    4,
    (db, [key = "", start = "", stop = ""]) => {
      const list = read(db, key);
      return list.slice(...span(list.length, integer(start), integer(stop)));
    },
  ],
  lindex: [3, (db, [key = "", index = ""]) => read(db, key).at(integer(index)) ?? null],
  lset: [4, setAt],
  lrem: [4, remove],
  linsert: [5, insert],
  ltrim: [
    4,
    (db, [key = "", start = "", stop = ""]) => {
      const list = read(db, key);
      const [from, end] = span(list.length, integer(start), integer(stop));
      list.splice(end);
      list.splice(0, from);
      db.prune(key);
      return OK;
    },
  ],
  lmove: [5, (db, [from = "", to = "", out = "", into = ""]) => move(db, from, to, side(out), side(into))],
  rpoplpush: [3, (db, [from = "", to = ""]) => move(db, from, to, "right", "left")],
};
