import { hex, utf8 } from "../../shared/bytes.ts";
import type { Hashes } from "../../shared/hashes.ts";

/** The strong entity tag of a body (RFC 9110, section 8.8.3). */
export async function etagOf({ sha1 }: Hashes, body: string): Promise<string> {
  return `"${hex(await sha1(utf8(body)))}"`;
}

/** Whether `If-None-Match` names the tag (RFC 9110, section 13.1.2: compared weakly). */
export function namesTag(ifNoneMatch: string, etag: string): boolean {
  const tags: readonly string[] = ifNoneMatch.match(/"[^"]*"/g) ?? [];
  return ifNoneMatch.trim() === "*" || tags.includes(etag);
}
