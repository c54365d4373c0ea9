import type { Operation } from "./operations.ts";
import type { Model } from "./state.ts";
import type { World } from "./world.ts";

/** Numbers that a choice is made by: they shrink, what they choose need not. */
export type Pick = readonly [number, number, number, number];

/** Makes an operation from what is there, right or wrong; undefined when there is nothing to make it from. */
export type Choice = (pick: Pick, model: Model, world: World) => Operation | undefined;

export function one<T>(list: readonly T[], n: number): T | undefined {
  return list[n % Math.max(1, list.length)];
}

/** Mostly the newest, sometimes one that is long overtaken. */
export function recent<T>(list: readonly T[], n: number): T | undefined {
  const span = n % 4 === 0 ? list.length : Math.min(2, list.length);
  return list[list.length - 1 - (n % Math.max(1, span))];
}

/** The right one three times in four, else one of the others. */
export function mostly<T>(right: T, others: readonly T[], n: number): T {
  return n % 4 === 3 ? (one(others, Math.floor(n / 4)) ?? right) : right;
}

export const fresh = () => crypto.randomUUID();
