import type { ApiKey, SignedLink, System, TaskReader } from "../../projects/principal.ts";

/**
 * The API key that a script checks. A script that also serves other principals skips the check when `key` is empty, and
 * only this function writes an empty one.
 */
export function proofOf(caller: ApiKey | SignedLink | System): {
  readonly key: string;
  readonly secret: string;
} {
  switch (caller.kind) {
    case "api-key":
      if (caller.key === "") throw new TypeError("An API key has no id.");
      return { key: caller.key, secret: caller.hash };
    case "signed-link": // its signature has been verified, for the one task that it names
    case "system":
      return { key: "", secret: "" };
  }
}

/** A signed link opens the one task that it names. */
export function mayRead(caller: TaskReader, task: string): boolean {
  return caller.kind !== "signed-link" || caller.task === task;
}
