/**
 * A Lua script without its comments and indentation, or a module whose only lines of that look are its scripts'.
 *
 * @example
 * stripLua("-- what\n  local a = 1 -- why\n") // "local a = 1\n"
 */
export function stripLua(text: string): string {
  return text
    .replaceAll(/^[ \t]*--.*\n/gm, "")
    .replaceAll(/ -- .*$/gm, "")
    .replaceAll(/^[ \t]+/gm, "");
}

/** A module of routes without the words that only the OpenAPI document, which is made from the sources, needs. */
export function stripProse(text: string): string {
  return text.replaceAll(/^\s*(summary|operation): "[^"\n]*",\n/gm, "");
}
