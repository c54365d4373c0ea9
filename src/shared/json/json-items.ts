import { endOfString } from "./json-text.ts";

/**
 * The texts of the items of an object's member that is an array, as they were written.
 *
 * @param text valid JSON
 * @param member the last one of that name counts, as in JSON.parse
 */
export function itemTexts(text: string, member: string): readonly string[] {
  let items: readonly string[] = [];
  if (!text.trimStart().startsWith("{")) return items;
  for (const part of partsOf(text)) {
    const end = endOfString(part, 0) + 1;
    const name: unknown = JSON.parse(part.slice(0, end));
    if (name !== member) continue;
    const value = part.slice(part.indexOf(":", end) + 1).trimStart();
    items = value.startsWith("[") ? partsOf(value) : [];
  }
  return items;
}

/** The members or items of an object or array, which the text begins with. */
function partsOf(text: string): readonly string[] {
  const parts: string[] = [];
  let start = text.search(/[[{]/) + 1;
  for (;;) {
    const end = endOfPart(text, start);
    const part = text.slice(start, end).trim();
    if (part !== "") parts.push(part);
    if (text[end] !== ",") return parts;
    start = end + 1;
  }
}

/** The place of the comma or the bracket that follows. */
function endOfPart(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === "[" || char === "{") depth++;
    else if (depth === 0 && (char === "," || char === "]" || char === "}")) return at;
    else if (char === "]" || char === "}") depth--;
  }
  return text.length;
}
