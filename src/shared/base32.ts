/** Crockford's alphabet in lower case, as TypeIDs use it. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** 16 bytes as 26 characters of five bits, the first of three. */
export function encodeBase32(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = "";
  for (let shift = 125n; shift >= 0n; shift -= 5n) text += ALPHABET[Number((bits >> shift) & 31n)];
  return text;
}

/** The 16 bytes that 26 characters stand for; undefined when they stand for none. */
export function decodeBase32(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text)) return undefined;
  let bits = 0n;
  for (const char of text) bits = (bits << 5n) | BigInt(ALPHABET.indexOf(char));
  const bytes = new Uint8Array(16);
  for (let i = 15; i >= 0; i--) {
    bytes[i] = Number(bits & 255n);
    bits >>= 8n;
  }
  return bytes;
}
