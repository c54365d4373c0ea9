import * as z from "zod/mini";
import { TASK_TYPE_LENGTH } from "../shared/limits.ts";
import { typeName } from "../shared/schema/schema-fields.ts";
import type { AnyTask } from "../task.ts";

/** `|` separates a type from an id where tasks are listed; the others would be shown or sent as other characters. */
const UNFIT = /[|\p{Cc}\p{Cs}]/u;

/** Why no client could submit or find tasks of a type by its name, or undefined when they can. */
export function nameFault({ type }: AnyTask): string | undefined {
  if (z.safeParse(typeName(), type).success && !UNFIT.test(type)) return undefined;
  const shown = JSON.stringify(String(type).slice(0, TASK_TYPE_LENGTH)); // JavaScript may have left it out
  return `The task type ${shown} needs a name of 1 to ${TASK_TYPE_LENGTH} characters, without | and control characters.`;
}
