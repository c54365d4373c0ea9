/** Edits between two names up to which one counts as a misspelling of the other. */
const NEAR = 2;

/** A name that begins as the gateway's own variables do, however it is written. */
const OWN = /^_*ring_?back/i;

/**
 * Whether a variable is meant for the gateway: it has the prefix of the gateway's own variables, or is similar to one
 * of them.
 */
export function seemsOurs(name: string, known: readonly string[]): boolean {
  const upper = name.toUpperCase();
  return OWN.test(name) || known.some((one) => isNear(upper, one));
}

function isNear(name: string, known: string): boolean {
  return Math.abs(name.length - known.length) <= NEAR && distance(name, known) <= NEAR;
}

/** Letters to add, drop or replace that lead from one text to the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [line, letter] of [...from].entries()) {
    let diagonal = line;
    const next = [line + 1];
    for (const [column, other] of [...to].entries()) {
      const above = row[column + 1] ?? 0;
      next.push(Math.min(diagonal + (letter === other ? 0 : 1), above + 1, (next[column] ?? 0) + 1));
      diagonal = above;
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
