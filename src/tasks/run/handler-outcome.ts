import { cutText } from "../../shared/json/cut-text.ts";
import { MAX_DEPTH, surveyJson } from "../../shared/json/json-text.ts";
import { ERROR_CODE, ERROR_MESSAGE, MAX_DEADLINE, REQUEST_LIMIT } from "../../shared/limits.ts";
import { RETRY_AFTER_LIMIT } from "../../shared/time/retry-after.ts";
import { TaskError, Waiting } from "../../task.ts";
import type { Failure } from "../record.ts";

export interface Failed {
  readonly kind: "failed";
  readonly error: Failure;
  /** Milliseconds. */
  readonly retryAfter?: number;
}

/** A handler's return value, in a form that can be stored. */
export type Returned =
  | { readonly kind: "succeeded"; readonly result?: string }
  /** The work was handed on; milliseconds within which the bearer of the token must report. */
  | { readonly kind: "waiting"; readonly heartbeat?: number }
  | Failed;

const CODE = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** The outcome for any return value of a handler; never throws. */
export function outcomeOfReturned(value: unknown): Returned {
  try {
    if (value === undefined) return { kind: "succeeded" };
    if (value instanceof Waiting) {
      const heartbeat = milliseconds(value.heartbeat, MAX_DEADLINE);
      return { kind: "waiting", ...(heartbeat !== undefined && { heartbeat }) };
    }
    return resultOf(value);
  } catch (error) {
    // BigInt, a circle, a toJSON that throws, more levels than the stack has, a Proxy that refuses to be read.
    return invalid(`The handler returned a value that JSON cannot hold: ${cutText(describe(error), 200)}`);
  }
}

function resultOf(value: unknown): Returned {
  const result: unknown = JSON.stringify(value); // undefined for a function or a symbol, despite its declared type
  if (typeof result !== "string") return invalid(`The handler returned a ${typeof value}.`);
  // No form of it has fewer bytes than this has characters: it is not copied to learn that it is too large.
  if (result.length > REQUEST_LIMIT) return unfit("result-too-large", TOO_LARGE);
  if (!isPlain(value) && (result === "{}" || value instanceof Error)) {
    return invalid(`The handler returned a ${nameOf(value)}, which JSON cannot represent.`);
  }
  if (surveyJson(result).tooDeep) return invalid(`The result nests more than ${MAX_DEPTH} levels deep.`);
  return { kind: "succeeded", result };
}

const TOO_LARGE = "The result is larger than Redis takes in one request.";

function invalid(message: string): Failed {
  return unfit("invalid-result", message);
}

function unfit(code: string, message: string): Failed {
  return { kind: "failed", error: { code, message, retryable: false } };
}

/** A literal, or a value that defines its own JSON. */
function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null || "toJSON" in value) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: unknown): string {
  return cutText(Object.prototype.toString.call(value).slice(8, -1), 64);
}

/**
 * The outcome for anything that a handler threw; never throws. An error that is not a TaskError gets a general message.
 */
export function outcomeOfThrown(error: unknown): Failed {
  if (!isTaskError(error)) {
    return failed("handler-failed", "The handler ended with an unexpected error.", true);
  }
  const code = read(error, "code");
  const message = read(error, "message");
  const retryAfter = milliseconds(read(error, "retryAfter"), RETRY_AFTER_LIMIT);
  const outcome = failed(
    isCode(code) ? code : "handler-failed",
    typeof message === "string" ? cutText(message, ERROR_MESSAGE) : "The handler gave no message.",
    read(error, "retryable") !== false,
  );
  return { ...outcome, ...(retryAfter !== undefined && { retryAfter }) };
}

function failed(code: string, message: string, retryable: boolean): Failed {
  return { kind: "failed", error: { code, message, retryable } };
}

function isCode(value: unknown): value is string {
  return typeof value === "string" && value.length <= ERROR_CODE && CODE.test(value);
}

/** Whether the client may see the error as it is. */
export function isTaskError(error: unknown): boolean {
  try {
    return error instanceof TaskError;
  } catch {
    return false; // a Proxy that refuses to be looked at
  }
}

/** A number of milliseconds, at most so many; undefined when it is not a number. */
function milliseconds(value: unknown, limit: number): number | undefined {
  return typeof value === "number" && value >= 0 ? Math.min(Math.ceil(value), limit) : undefined;
}

/** A member of an object of unknown origin; undefined when it cannot be read. */
function read(holder: unknown, name: string): unknown {
  try {
    return (holder as Readonly<Record<string, unknown>>)[name]; // of null and undefined it throws
  } catch {
    return undefined; // a getter or a Proxy that throws
  }
}

/** The thrown value, as a line of a log; never throws. */
export function describe(error: unknown): string {
  try {
    const message = read(error, "message");
    const name = read(error, "name");
    if (typeof message === "string" && typeof name === "string") {
      return `${cutText(name, ERROR_CODE)}: ${cutText(message, ERROR_MESSAGE)}`;
    }
    return cutText(String(error), ERROR_MESSAGE);
  } catch {
    return `a ${typeof error} that cannot be shown`;
  }
}

/** The storable part of a handler's report of progress; undefined when there is nothing to store. Never throws. */
export function progressOf(
  said: unknown,
  limit: number,
): { readonly percent?: number; readonly message?: string } | undefined {
  const percent = read(said, "percent");
  const message = read(said, "message");
  const isPercent = typeof percent === "number" && Number.isFinite(percent);
  if (!isPercent && typeof message !== "string") return undefined;
  return {
    ...(isPercent && { percent: Math.min(100, Math.max(0, percent)) }),
    ...(typeof message === "string" && { message: cutText(message, limit) }),
  };
}
