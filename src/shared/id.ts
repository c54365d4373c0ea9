import { decodeBase32, encodeBase32 } from "./base32.ts";

/** The kinds of ids; ids are TypeIDs (`task_…`), see https://github.com/jetify-com/typeid/tree/main/spec. */
export type IdPrefix = "task" | "batch" | "del" | "ep" | "evt" | "key" | "prj";

/** The name of each kind, in words. */
export const NOUNS = {
  task: "task",
  batch: "batch",
  del: "delivery",
  ep: "endpoint",
  evt: "event",
  key: "key",
  prj: "project",
} as const satisfies Readonly<Record<IdPrefix, string>>;

/** Whether `text` is an id of that kind: the prefix and a 26-character suffix in Crockford's base 32. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return text.startsWith(`${prefix}_`) && decodeBase32(text.slice(prefix.length + 1)) !== undefined;
}

/**
 * A new id: a UUIDv7 (RFC 9562, section 5.7) whose 12 bits of rand_a are the partition.
 *
 * @param time milliseconds since the epoch
 * @param partition 0…4095
 * @param random at least 8 random bytes
 */
export function makeId(prefix: IdPrefix, time: number, partition: number, random: Uint8Array): string {
  const bytes = new Uint8Array(16);
  writeTime(bytes, time);
  bytes[6] = 0x70 | (partition >> 8);
  bytes[7] = partition & 0xff;
  bytes.set(random.subarray(0, 8), 8);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return idOf(prefix, bytes);
}

/**
 * An id that follows from others: a UUIDv8 (RFC 9562, section 5.8) with the source id's time and partition,
 * filled from a digest, so that every recovery makes the same one.
 *
 * @param source the id whose 48 bits of time and 12 of partition are kept
 * @param digest at least 8 bytes of a SHA-256
 */
export function deriveId(prefix: IdPrefix, source: string, digest: Uint8Array): string {
  const bytes = new Uint8Array(16);
  bytes.set(idBytes(source).subarray(0, 8));
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes.set(digest.subarray(0, 8), 8);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return idOf(prefix, bytes);
}

/** The 16 bytes of the id's UUID. @throws Error when the text is no TypeID. */
export function idBytes(id: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase32(id.slice(id.indexOf("_") + 1));
  if (!bytes) throw new Error(`"${id}" is no TypeID.`);
  return bytes;
}

/** The id of that kind over the 16 bytes of a UUID. */
export function idOf(prefix: IdPrefix, uuid: Uint8Array): string {
  return `${prefix}_${encodeBase32(uuid)}`;
}

/** The partition that an id carries, 0…4095. */
export function partitionOf(id: string): number {
  const bytes = idBytes(id);
  return (((bytes[6] ?? 0) & 0x0f) << 8) | (bytes[7] ?? 0);
}

function writeTime(bytes: Uint8Array, time: number): void {
  let rest = Math.floor(time);
  for (let i = 5; i >= 0; i--) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}
