/** Bytes of a text in UTF-8; a lone surrogate counts as the replacement character that is sent for it. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x80) continue;
    bytes += code < 0x800 ? 1 : 2;
    if (isPair(text, at)) at++; // 4 bytes for two units
  }
  return bytes;
}

/** Bytes that `JSON.stringify(text)` has in UTF-8, without making it. */
export function jsonLength(text: string): number {
  let bytes = text.length + 2;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x80) bytes += escapeLength(code);
    else if (code < 0x800) bytes += 1;
    else if (code < 0xd800 || code > 0xdfff) bytes += 2;
    else if (isPair(text, at)) {
      bytes += 2;
      at++;
    } else bytes += 5; // a lone surrogate is written as \udXXX
  }
  return bytes;
}

/** The additional bytes of an escape over an ASCII character. */
function escapeLength(code: number): number {
  if (code >= 0x20) return code === 0x22 || code === 0x5c ? 1 : 0;
  return code >= 8 && code <= 13 && code !== 11 ? 1 : 5; // \b \t \n \f \r, and \u00XX
}

function isPair(text: string, at: number): boolean {
  const first = text.charCodeAt(at);
  if (first < 0xd800 || first > 0xdbff) return false;
  const second = text.charCodeAt(at + 1);
  return second >= 0xdc00 && second <= 0xdfff;
}
