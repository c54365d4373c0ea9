/** Words and phrases that a reader whose first language is not English has to look up. */
export const AVOIDED =
  /\b(?:who(?:so)?ever|whatever|whom|anew|besides?|thereby|of which it is none|(?:is|are|was|were|be|been) (?:told of|stood on)|comes? again|goes by|did not come back)\b/gi;

/** A sentence whose subject is a relative clause: "What was accepted must end." A question is none. */
export const RELATIVE_START = /(?:^|[.!:;] )(?:\*\*)?(?:What|Who|Whose)(?![^.?!:;]*[?:]) [^.!:;]*/gm;

const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*(?:\n\s*\/\/.*)*/g;
const STRING = /"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;

/** The comments and strings of a source file, each as one line without its delimiters. */
export function textsOf(source: string): string[] {
  const comments = source.match(COMMENT) ?? [];
  const strings = source.replace(COMMENT, "").match(STRING) ?? [];
  return [
    ...comments.map((text) => text.replace(/^\/\*+|\*\/$/g, "").replace(/^\s*(?:\*|\/\/) ?/gm, "")),
    ...strings.map((text) => text.slice(1, -1)),
  ].map((text) => text.replace(/\s+/g, " ").trim());
}
