import type { Session } from "../../projects/session.ts";
import { base64url, concat, fromBase64url, fromHex, hex, utf8 } from "../../shared/bytes.ts";
import { type Find, type Generation, MASTER_ID } from "./generation.ts";

const PREFIX = "rbs_";

/** The form of the sealed JSON. Another form gets another number, so that old sessions end instead of being misread. */
const FORM = utf8("ringback/session/1");

/** `rbs_` + base64url(generation, nonce, AES-256-GCM of the session's JSON). */
export async function sealSession(current: Promise<Generation>, session: Session): Promise<string> {
  const generation = await current;
  const sealed = await generation.sessions.seal(utf8(JSON.stringify(session)), FORM);
  return PREFIX + base64url(concat(fromHex(generation.id), sealed));
}

export async function openSession(find: Find, text: string): Promise<Session | undefined> {
  const bytes = text.startsWith(PREFIX) ? fromBase64url(text.slice(PREFIX.length)) : undefined;
  if (!bytes || bytes.length <= MASTER_ID) return undefined;
  const generation = await find(hex(bytes.subarray(0, MASTER_ID)));
  const opened = await generation?.sessions.open(bytes.slice(MASTER_ID), FORM);
  return opened && (JSON.parse(new TextDecoder().decode(opened)) as Session); // the cipher proves that we wrote it
}
