import type { Engine, Reply } from "../../engine.ts";
import { ReplyError } from "../../engine.ts";

/** The hashes and the list in which the stand-in keeps everything, without their common prefix. */
export const KEYS = {
  /** message id → record of a message that has not ended. */
  messages: "messages",
  /** dead letter id → record. */
  dlq: "dlq",
  /** deduplication id → `{messageId, expiresAt}`. */
  deduplication: "deduplication",
  /** flow-control key → its limits and state. */
  flowControl: "flow-control",
  /** schedule id → schedule. */
  schedules: "schedules",
  /** `signing` → the signing keys. */
  keys: "keys",
  /** The log, oldest first. */
  logs: "logs",
} as const;

/** Entries that are read in one round trip at the start. */
const PAGE = 1_000;

function checked(reply: Reply): Reply {
  if (reply instanceof ReplyError) throw new Error(`Redis refused a command: ${reply.message}`);
  return reply;
}

function textOf(reply: Reply | undefined): string {
  if (!Buffer.isBuffer(reply)) throw new Error("Redis answered something else than a bulk string");
  return reply.toString("utf8");
}

function listOf(reply: Reply | undefined): Reply[] {
  if (!Array.isArray(reply)) throw new Error("Redis answered something else than an array");
  return reply;
}

/** All fields of a hash. One that changes meanwhile may be missed: it is read before anything runs. */
export async function readHash(engine: Engine, key: string): Promise<Map<string, string>> {
  const fields = new Map<string, string>();
  let cursor = "0";
  do {
    const [next, page] = listOf(checked(await engine.call(["HSCAN", key, cursor, "COUNT", String(PAGE)])));
    const flat = listOf(page);
    for (let i = 0; i + 1 < flat.length; i += 2) fields.set(textOf(flat[i]), textOf(flat[i + 1]));
    cursor = textOf(next);
  } while (cursor !== "0");
  return fields;
}

/** All entries of a list, first to last. */
export async function readList(engine: Engine, key: string): Promise<string[]> {
  const entries: string[] = [];
  for (;;) {
    const stop = String(entries.length + PAGE - 1);
    const page = listOf(checked(await engine.call(["LRANGE", key, String(entries.length), stop])));
    entries.push(...page.map(textOf));
    if (page.length < PAGE) return entries;
  }
}
