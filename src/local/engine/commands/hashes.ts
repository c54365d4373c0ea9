import { argument, exact, float, glob, integer, pairs, printFloat } from "../arguments.ts";
import type { Bytes, Keyspace } from "../keyspace.ts";
import { type Commands, OK } from "./command.ts";

const read = (db: Keyspace, key: Bytes) => db.read("hash", key) ?? new Map<Bytes, Bytes>();

/** Sets fields; answers how many are new. */
function setFields(db: Keyspace, command: string, [key = "", ...rest]: readonly Bytes[]): number {
  const fields = pairs(rest, command);
  const hash = db.open("hash", key);
  const before = hash.size;
  for (const [field, value] of fields) hash.set(field, value);
  return hash.size - before;
}

function deleteFields(db: Keyspace, [key = "", ...fields]: readonly Bytes[]): number {
  const hash = read(db, key);
  const gone = fields.filter((field) => hash.delete(field)).length;
  db.prune(key);
  return gone;
}

/** HINCRBY and HINCRBYFLOAT: `add` gives the sum as Redis stores it. */
function increment(db: Keyspace, args: readonly Bytes[], add: (value: Bytes) => Bytes): Bytes {
  const [key, field] = [argument(args, 0), argument(args, 1)];
  const sum = add(read(db, key).get(field) ?? "0");
  db.open("hash", key).set(field, sum);
  return sum;
}

/**
 * The next fields by the hash of their name, and the next cursor (0: no more). A field that stays while a scan lasts is
 * met, even when others are added or removed meanwhile; those of one hash come together.
 */
function scanned(
  hash: ReadonlyMap<Bytes, Bytes>,
  from: number,
  count: number,
): [next: number, fields: [Bytes, Bytes][]] {
  const ordered = [...hash]
    .map((entry) => ({ entry, place: placeOf(entry[0]) }))
    .filter(({ place }) => place >= from)
    .sort((a, b) => a.place - b.place);
  const next = ordered.find(({ place }, index) => index >= count && place !== ordered[index - 1]?.place);
  const here = next ? ordered.slice(0, ordered.indexOf(next)) : ordered;
  return [next?.place ?? 0, here.map(({ entry }) => entry)];
}

/** FNV-1a, 32 bits, and never 0, which is the cursor of the end. */
function placeOf(field: Bytes): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < field.length; i++) hash = Math.imul(hash ^ field.charCodeAt(i), 0x01000193) >>> 0;
  return hash || 1;
}

export const hashCommands: Commands = {
  hset: [-4, (db, args) => setFields(db, "hset", args)],
  hmset: [
    -4,
    (db, args) => {
      setFields(db, "hmset", args);
      return OK;
    },
  ],
  hsetnx: [
    4,
    (db, [key = "", field = "", value = ""]) => {
      const hash = db.open("hash", key);
      if (hash.has(field)) return 0;
      hash.set(field, value);
      return 1;
    },
  ],
  hget: [3, (db, [key = "", field = ""]) => read(db, key).get(field) ?? null],
  hmget: [
    -3,
    (db, [key = "", ...fields]) => {
      const hash = read(db, key);
      return fields.map((field) => hash.get(field) ?? null);
    },
  ],
  hgetall: [2, (db, [key = ""]) => [...read(db, key)].flat()],
  hkeys: [2, (db, [key = ""]) => [...read(db, key).keys()]],
  hvals: [2, (db, [key = ""]) => [...read(db, key).values()]],
  hlen: [2, (db, [key = ""]) => read(db, key).size],
  hstrlen: [3, (db, [key = "", field = ""]) => read(db, key).get(field)?.length ?? 0],
  hexists: [3, (db, [key = "", field = ""]) => Number(read(db, key).has(field))],
  hdel: [-3, deleteFields],
  hincrby: [
    4,
    (db, args) => {
      const by = integer(argument(args, 2));
      return Number(
        increment(db, args, (value) =>
          String(exact(integer(value, "ERR hash value is not an integer") + by)),
        ),
      );
    },
  ],
  hincrbyfloat: [
    4,
    (db, args) => {
      const by = float(argument(args, 2));
      return increment(db, args, (value) => printFloat(float(value) + by));
    },
  ],
  hscan: [
    -3,
    (db, [key = "", cursor = "", ...options]) => {
      const option = (name: string, otherwise: string) => {
        const at = options.findIndex((one) => one.toUpperCase() === name);
        return at < 0 ? otherwise : argument(options, at + 1);
      };
      const matches = glob(option("MATCH", "*"));
      const [next, fields] = scanned(read(db, key), integer(cursor), integer(option("COUNT", "10")));
      return [String(next), fields.filter(([field]) => matches(field)).flat()];
    },
  ],
};
