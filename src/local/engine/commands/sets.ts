import { integer } from "../arguments.ts";
import { type Bytes, CommandError, type Keyspace, type Result } from "../keyspace.ts";
import type { Commands } from "./command.ts";

const read = (db: Keyspace, key: Bytes): ReadonlySet<Bytes> => db.read("set", key) ?? new Set<Bytes>();

function remove(db: Keyspace, key: Bytes, members: readonly Bytes[]): number {
  const set = db.read("set", key);
  const gone = members.filter((member) => set?.delete(member)).length;
  db.prune(key);
  return gone;
}

/** Members in a random order, at most `count` of them. */
function sample(set: ReadonlySet<Bytes>, count: number): Bytes[] {
  const drawn = [...set].map((member) => ({ member, at: Math.random() })).sort((a, b) => a.at - b.at);
  return drawn.slice(0, count).map(({ member }) => member);
}

function draw(db: Keyspace, key: Bytes, count: Bytes | undefined): Result {
  if (count !== undefined && integer(count) < 0)
    throw new CommandError("ERR value is out of range, must be positive");
  const drawn = sample(read(db, key), count === undefined ? 1 : integer(count));
  return count === undefined ? (drawn[0] ?? null) : drawn;
}

function pop(db: Keyspace, key: Bytes, count: Bytes | undefined): Result {
  const drawn = draw(db, key, count);
  if (Array.isArray(drawn))
    remove(
      db,
      key,
      drawn.filter((member) => typeof member === "string"),
    );
  else if (typeof drawn === "string") remove(db, key, [drawn]);
  return drawn;
}

const combine =
  (operation: (a: ReadonlySet<Bytes>, b: ReadonlySet<Bytes>) => Set<Bytes>) =>
  (db: Keyspace, keys: readonly Bytes[]): Bytes[] => [...keys.map((key) => read(db, key)).reduce(operation)];

export const setCommands: Commands = {
  sadd: [
    -3,
    (db, [key = "", ...members]) => {
      const set = db.open("set", key);
      const before = set.size;
      for (const member of members) set.add(member);
      return set.size - before;
    },
  ],
  srem: [-3, (db, [key = "", ...members]) => remove(db, key, members)],
  smembers: [2, (db, [key = ""]) => [...read(db, key)]],
  sismember: [3, (db, [key = "", member = ""]) => Number(read(db, key).has(member))],
  smismember: [
    -3,
    (db, [key = "", ...members]) => {
      const set = read(db, key);
      return members.map((member) => Number(set.has(member)));
    },
  ],
  scard: [2, (db, [key = ""]) => read(db, key).size],
  srandmember: [-2, (db, [key = "", count]) => draw(db, key, count)],
  spop: [-2, (db, [key = "", count]) => pop(db, key, count)],
  sinter: [-2, combine((a, b) => new Set([...a].filter((member) => b.has(member))))],
  sunion: [-2, combine((a, b) => new Set([...a, ...b]))],
  sdiff: [-2, combine((a, b) => new Set([...a].filter((member) => !b.has(member))))],
};
