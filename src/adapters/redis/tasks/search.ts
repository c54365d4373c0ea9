import { hex, sha256, utf8 } from "../../../shared/bytes.ts";

/** The name of a metadata pair's index: 128 bits of a SHA-256, so that any value makes a short key. */
export async function pairHash(name: string, value: string): Promise<string> {
  return hex((await sha256(utf8(`${name}=${value}`))).subarray(0, 16));
}
