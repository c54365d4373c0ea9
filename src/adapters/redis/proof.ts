import type { Denied } from "../../projects/caller.ts";
import type { TaskReader } from "../../projects/principal.ts";
import { ADMIN } from "./keys.ts";
import type { ScriptReply } from "./script.ts";

/**
 * The API key that a script checks. A script that also serves other principals skips the check when `key` is empty, and
 * only this function writes an empty one.
 */
export function proofOf(caller: TaskReader): {
  readonly key: string;
  readonly secret: string;
} {
  switch (caller.kind) {
    case "api-key":
      if (caller.key === "") throw new TypeError("An API key has no id.");
      return { key: caller.key, secret: caller.hash };
    case "project-admin":
      return { key: ADMIN, secret: ADMIN };
    case "app-user":
      return { key: ADMIN, secret: `${ADMIN} ${caller.scopes.join(",")}` };
    case "signed-link": // its signature has been verified, for the one task that it names
    case "system":
      return { key: "", secret: "" };
  }
}

/** A signed link opens the one task that it names. */
export function mayRead(caller: TaskReader, task: string): boolean {
  return caller.kind !== "signed-link" || caller.task === task;
}

/** Whether a script has refused its caller. */
export function isDenial(code: ScriptReply | undefined): code is Denied["kind"] {
  return code === "unauthenticated" || code === "forbidden" || code === "unknown-project";
}
