import { SimpleString } from "../../engine.ts";
import type { Bytes, Keyspace, Result } from "../keyspace.ts";

/**
 * Commands by lower-case name: the arity as `COMMAND` gives it (the name counts; negative: at least),
 * and what the command does. Arguments come without the name.
 */
export type Commands = Readonly<
  Record<string, readonly [arity: number, run: (db: Keyspace, args: readonly Bytes[]) => Result]>
>;

export const OK = new SimpleString("OK");

/** The part of a sequence that Redis's inclusive, possibly negative start and stop name. */
export function span(length: number, start: number, stop: number): [start: number, end: number] {
  const from = Math.max(start < 0 ? length + start : start, 0);
  const to = Math.min(stop < 0 ? length + stop : stop, length - 1);
  return from > to ? [0, 0] : [from, to + 1];
}
