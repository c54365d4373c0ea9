import type { StoredConfig } from "../../../projects/caller.ts";
import type { ScriptReply } from "../script.ts";

/** `p:cfg` is `<version> <JSON>`; a project without one has version 0 and nothing in it. */
export function configOf(text: ScriptReply | undefined): StoredConfig {
  const stored = String(text ?? "");
  const space = stored.indexOf(" ");
  if (space < 0) return { version: 0, json: "{}" };
  return { version: Number(stored.slice(0, space)), json: stored.slice(space + 1) };
}
