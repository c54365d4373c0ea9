import { hex, utf8 } from "../../../shared/bytes.ts";
import type { Hashes } from "../../../shared/hashes.ts";
import { SEARCHABLE } from "../../../shared/limits.ts";

/** The name of a metadata pair's index: 128 bits of a SHA-256, so that any value makes a short key. */
export async function pairHash({ sha256 }: Hashes, name: string, value: string): Promise<string> {
  return hex((await sha256(utf8(`${name}=${value}`))).subarray(0, 16));
}

/** The pairs of a task's metadata that a project may be searched by, with the names of their indexes. */
export function searchablePairs(hashes: Hashes, metadata: Readonly<Record<string, string>>) {
  const named = Object.entries(metadata).filter(([name]) => SEARCHABLE.test(name));
  return Promise.all(
    named.map(async ([name, value]) => ({ name, pair: await pairHash(hashes, name, value) })),
  );
}
