import * as z from "zod/v4/core";
import { faultsOf } from "../domain/faults.ts";
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
  return { ok: false, faults: faultsOf(parsed.error.issues, ["input"]) };
}
