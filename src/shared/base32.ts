/** Crockford's alphabet in lower case, as TypeIDs use it. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** 16 bytes as 26 characters of five bits, the first of three. In small numbers: BigInts are slow. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 2; // the first character has three bits: two zeros lead
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    for (held += 8; held >= 5; held -= 5) text += ALPHABET[(bits >> (held - 5)) & 31];
    bits &= (1 << held) - 1;
  }
  return text;
}

/** The 16 bytes that 26 characters stand for; undefined when they stand for none. */
export function decodeBase32(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text)) return undefined;
  const bytes = new Uint8Array(16);
  let bits = 0;
  let held = -2; // the first character has three bits
  let at = 0;
  for (const char of text) {
    bits = (bits << 5) | ALPHABET.indexOf(char);
    held += 5;
    if (held < 8) continue;
    held -= 8;
    bytes[at++] = bits >> held;
    bits &= (1 << held) - 1;
  }
  return bytes;
}
