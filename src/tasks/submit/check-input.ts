import * as z from "zod/v4/core";
import { errorText } from "../../shared/log/error-text.ts";
import type { ValidationError } from "../../shared/problems.ts";
import { toValidationErrors } from "../../shared/schema/validation-errors.ts";
import { IN_WORDS } from "../../shared/schema/zod-messages.ts";
import type { AnyTask } from "../../task.ts";

/** A schema's verdict on an input; `failure`: it threw or is asynchronous, and gave no verdict. */
export type CheckedInput =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly faults: readonly ValidationError[]; readonly failure?: string };

/**
 * Checks an input with its task type's schema; pointers are JSON pointers as URI fragments under `#/input`. A schema
 * that throws, or is asynchronous, accepts nothing.
 */
export function checkInput(definition: AnyTask, input: unknown): CheckedInput {
  try {
    const parsed = z.safeParse(definition.input, input, IN_WORDS);
    if (parsed.success) return { ok: true, value: parsed.data };
    return { ok: false, faults: toValidationErrors(parsed.error.issues, ["input"]) };
  } catch (error) {
    return { ...UNJUDGED, failure: errorText(error) };
  }
}

/** The URLs in an input, by JSON pointer into it, as its task type names them. */
export function urlsIn(
  definition: AnyTask,
  value: unknown,
):
  | { readonly ok: true; readonly urls: readonly (readonly [string, string])[] }
  | (CheckedInput & { ok: false }) {
  try {
    const named: unknown = definition.urls?.(value) ?? {};
    if (typeof named !== "object" || named === null || "then" in named)
      throw new Error("urls() gave no record.");
    const urls = Object.entries(named).filter(([, url]) => url !== undefined);
    for (const [, url] of urls) if (typeof url !== "string") throw new Error("urls() gave what is no text.");
    return { ok: true, urls };
  } catch (error) {
    return { ...UNJUDGED, failure: errorText(error) };
  }
}

const UNJUDGED = {
  ok: false,
  faults: [{ pointer: "#/input", detail: "could not be judged by the task type" }],
} as const;
