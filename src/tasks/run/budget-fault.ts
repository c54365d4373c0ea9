import { MAX_RETRIES } from "../../shared/limits.ts";
import type { AnyTask } from "../../task.ts";

/** Why a type's attempts cannot be counted or timed, or undefined when they can: with NaN they would never end. */
export function budgetFault({ type, retries = 0, timeout, heartbeatTimeout }: AnyTask): string | undefined {
  if (!Number.isInteger(retries) || retries < 0 || retries > MAX_RETRIES)
    return `The retries of "${type}" must be 0 to ${MAX_RETRIES}.`;
  for (const [name, length] of Object.entries({ timeout, heartbeatTimeout })) {
    // Infinity is the longest time.
    if (length !== undefined && !(length > 0))
      return `The ${name} of "${type}" must be more than 0 milliseconds.`;
  }
  return undefined;
}
