/** A module of routes without the words that only the OpenAPI document, which is made from the sources, needs. */
export function stripProse(text: string): string {
  return text.replaceAll(/^\s*(?:(?:summary|operation|tag): "[^"\n]*"|problems: \[[^\]]*\]),\n/gm, "");
}
