import type { ReplyError, SimpleString } from "../engine.ts";
import { SortedSet } from "./sorted-set.ts";

/** Bytes as a JavaScript string of code units 0…255: cheap to compare, to hash and to slice. */
export type Bytes = string;

/** The result of a command of the embedded engine, before it becomes a `Reply`. */
export type Result = Bytes | number | null | SimpleString | ReplyError | Result[];

interface Types {
  string: Bytes;
  hash: Map<Bytes, Bytes>;
  list: Bytes[];
  set: Set<Bytes>;
  zset: SortedSet;
}

export type TypeName = keyof Types;
type Collection = Exclude<TypeName, "string">;

interface Entry {
  type: TypeName;
  value: Types[TypeName];
  /** Milliseconds since 1970 at which the key is gone. */
  expiresAt?: number;
}

const EMPTY: { [T in Collection]: () => Types[T] } = {
  hash: () => new Map(),
  list: () => [],
  set: () => new Set(),
  zset: () => new SortedSet(),
};

/** A failing command: the message is the error reply. */
export class CommandError extends Error {}

const wrongType = () => new CommandError("WRONGTYPE Operation against a key holding the wrong kind of value");

/** The keys with their values and expiry times. One clock, which never goes back, times everything. */
export class Keyspace {
  readonly #entries = new Map<Bytes, Entry>();

  #held: number | undefined;

  /** Milliseconds since 1970, with a fraction; monotonic. */
  now(): number {
    return this.#held ?? performance.timeOrigin + performance.now();
  }

  /** Runs a script or a transaction at one moment: nothing expires in the middle of it. */
  atOnce<T>(run: () => T): T {
    if (this.#held !== undefined) return run();
    this.#held = this.now();
    try {
      return run();
    } finally {
      this.#held = undefined;
    }
  }

  #live(key: Bytes): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry?.expiresAt === undefined || entry.expiresAt > this.now()) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  /** The value of a key that must be of this type, or undefined when it does not exist. */
  read<T extends TypeName>(type: T, key: Bytes): Types[T] | undefined {
    const entry = this.#live(key);
    if (!entry) return undefined;
    if (entry.type !== type) throw wrongType();
    return entry.value as Types[T]; // `type` and `value` are only ever set together
  }

  /** The collection at a key to write into, made when absent. */
  open<T extends Collection>(type: T, key: Bytes): Types[T] {
    const found = this.read(type, key);
    if (found) return found;
    const value = EMPTY[type]();
    this.#entries.set(key, { type, value });
    return value;
  }

  /** Drops a collection that a command left empty, as Redis does. */
  prune(key: Bytes): void {
    const value = this.#entries.get(key)?.value;
    if (value === undefined || typeof value === "string") return;
    const size = Array.isArray(value) ? value.length : value.size;
    if (size === 0) this.#entries.delete(key);
  }

  /** Sets a string; without `keepExpiry` an expiry time goes. */
  write(key: Bytes, value: Bytes, keepExpiry = false): void {
    const expiresAt = keepExpiry ? this.#live(key)?.expiresAt : undefined;
    this.#entries.set(
      key,
      expiresAt === undefined ? { type: "string", value } : { type: "string", value, expiresAt },
    );
  }

  type(key: Bytes): TypeName | undefined {
    return this.#live(key)?.type;
  }

  delete(key: Bytes): boolean {
    return this.#live(key) !== undefined && this.#entries.delete(key);
  }

  /** Moves a value with its expiry time; false when the source is absent. */
  rename(from: Bytes, to: Bytes): boolean {
    const entry = this.#live(from);
    if (!entry) return false;
    this.#entries.delete(from);
    this.#entries.set(to, entry);
    return true;
  }

  /** undefined: no such key; null: no expiry. */
  expiry(key: Bytes): number | null | undefined {
    const entry = this.#live(key);
    return entry && (entry.expiresAt ?? null);
  }

  /** Sets (or with null lifts) the expiry of a key; a time that has passed deletes it. */
  expire(key: Bytes, at: number | null): void {
    const entry = this.#live(key);
    if (!entry) return;
    if (at === null) delete entry.expiresAt;
    else if (at <= this.now()) this.#entries.delete(key);
    else entry.expiresAt = at;
  }

  /** The bytes that a key and what it holds have, without what Redis spends around them. */
  size(key: Bytes): number | undefined {
    const value = this.#live(key)?.value;
    if (value === undefined) return undefined;
    let size = key.length;
    if (typeof value === "string") size += value.length;
    else if (value instanceof Map) for (const [field, text] of value) size += field.length + text.length;
    else if (value instanceof SortedSet)
      for (const { member } of value.slice(0, value.size)) size += member.length + 8;
    else for (const item of value) size += item.length;
    return size;
  }

  keys(): Bytes[] {
    return [...this.#entries.keys()].filter((key) => this.#live(key) !== undefined);
  }

  clear(): void {
    this.#entries.clear();
  }
}
