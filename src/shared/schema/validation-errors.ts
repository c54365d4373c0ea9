import type * as z from "zod/v4/core";
import type { ValidationError } from "../problems.ts";

const MOST = 50;

/**
 * The faults that a schema found, each with a JSON pointer as URI fragment (RFC 6901, section 6); the first 50.
 *
 * @param path where the value that was checked lies in the request
 */
export function toValidationErrors(
  issues: readonly z.$ZodIssue[],
  path: readonly PropertyKey[] = [],
): ValidationError[] {
  return issues
    .flatMap((issue) => {
      const at = [...path, ...issue.path];
      const places = issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...at, key]) : [at];
      return places.map((place) => ({ pointer: pointer(place), detail: issue.message }));
    })
    .slice(0, MOST);
}

/** A JSON pointer as URI fragment, `#/input/a~1b`. */
export function pointer(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => {
    const escaped = String(step).replaceAll("~", "~0").replaceAll("/", "~1");
    return `/${encodeURIComponent(escaped.toWellFormed())}`;
  });
  return `#${steps.join("")}`;
}

/** A JSON pointer (RFC 6901) as URI fragment: `/input/a b` is `#/input/a%20b`. */
export function fragmentOf(jsonPointer: string): string {
  return `#${jsonPointer
    .split("/")
    .map((step) => encodeURIComponent(step.toWellFormed()))
    .join("/")}`;
}
