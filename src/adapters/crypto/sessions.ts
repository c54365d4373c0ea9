import type { Session } from "../../projects/session.ts";
import { base64url, concat, fromBase64url, fromHex, hex, utf8 } from "../../shared/bytes.ts";
import { type Find, type Generation, MASTER_ID } from "./generation.ts";

const PREFIX = "rbs_";
const NONCE = 12;

/** The form of the sealed JSON. Another form gets another number, so that old sessions end instead of being misread. */
const FORM = utf8("ringback/session/1");

/** `rbs_` + base64url(generation, nonce, AES-256-GCM of the session's JSON). */
export async function sealSession(current: Promise<Generation>, session: Session): Promise<string> {
  const generation = await current;
  const iv = crypto.getRandomValues(new Uint8Array(NONCE));
  const algorithm = { name: "AES-GCM", iv, additionalData: FORM };
  const sealed = await crypto.subtle.encrypt(algorithm, generation.sessions, utf8(JSON.stringify(session)));
  return PREFIX + base64url(concat(fromHex(generation.id), iv, new Uint8Array(sealed)));
}

export async function openSession(find: Find, text: string): Promise<Session | undefined> {
  const bytes = text.startsWith(PREFIX) ? fromBase64url(text.slice(PREFIX.length)) : undefined;
  if (!bytes || bytes.length <= MASTER_ID + NONCE) return undefined;
  const generation = await find(hex(bytes.subarray(0, MASTER_ID)));
  if (!generation) return undefined;
  const iv = bytes.slice(MASTER_ID, MASTER_ID + NONCE);
  const algorithm = { name: "AES-GCM", iv, additionalData: FORM };
  try {
    const opened = await crypto.subtle.decrypt(
      algorithm,
      generation.sessions,
      bytes.slice(MASTER_ID + NONCE),
    );
    return JSON.parse(new TextDecoder().decode(opened)) as Session; // the cipher proves that we wrote it
  } catch (error) {
    if (error instanceof DOMException && error.name === "OperationError") return undefined; // forged or damaged
    throw error;
  }
}
