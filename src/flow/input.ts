import * as z from "zod/v4/core";
import type { Fault } from "../domain/problems.ts";
import type { AnyTask } from "../task.ts";

/** Checks an input with its task type's schema; pointers are JSON pointers as URI fragments under `#/input`. */
export function checkInput(
  definition: AnyTask,
  input: unknown,
):
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly faults: readonly Fault[] } {
  const parsed = z.safeParse(definition.input, input);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, faults: parsed.error.issues.flatMap((issue) => faultsOf(issue)) };
}

function faultsOf(issue: z.$ZodIssue): Fault[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      pointer: pointer([...path, key]),
      detail: "This field is not known.",
    }));
  }
  return [{ pointer: pointer(path), detail: issue.message }];
}

/** RFC 6901, section 6: the URI fragment form. */
function pointer(path: readonly string[]): string {
  const segments = path.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1")));
  return ["#/input", ...segments].join("/");
}
