/**
 * A module of routes without what only the OpenAPI document, which is made from the sources, needs: words, problems,
 * and the answers, but for those that tell of a stream.
 */
export function stripProse(text: string): string {
  return text
    .replaceAll(/^\s*(?:(?:summary|operation|tag): "[^"\n]*"|problems: \[[^\]]*\]),\n/gm, "")
    .replaceAll(/^( *)answers: (?:\{[^\n]*\}|\{\n(?:\1 [^\n]*\n)*\1\}|[A-Z]\w*),\n/gm, (answers) =>
      answers.includes("stream") ? answers : "answers: {},\n",
    );
}
