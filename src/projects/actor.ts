import { fromHex } from "../shared/bytes.ts";
import { idOf } from "../shared/id.ts";
import type { Client } from "./principal.ts";

/**
 * The name of the party that steers a task, for its timeline: the id of an API key, `admin`, `console`, or `app` with
 * the name of its user, percent-encoded.
 */
export function actorOf(caller: Client): string {
  if (caller.via === "console") return "console";
  switch (caller.kind) {
    case "project-admin":
      return "admin";
    case "app-user":
      return caller.name === undefined ? "app" : `app:${encodeURIComponent(caller.name)}`;
    case "api-key":
      return idOf("key", fromHex(caller.key));
  }
}
