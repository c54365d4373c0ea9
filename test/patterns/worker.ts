import { parentPort, workerData } from "node:worker_threads";
import * as z from "zod";

/* Runs patterns, one after the other, over texts made to lead them back again and again; says which it begins with. */

const { patterns } = z
  .object({ patterns: z.array(z.object({ source: z.string(), flags: z.string(), length: z.number() })) })
  .parse(workerData);

const USUAL = [" ", "\t", "a", "A", "0", "-", "_", ".", '"', "\\", ";", ",", "=", "/", ":", "%", "é", "\n"];
const BEGINNINGS = ["", "a", '"', "application/", "Bearer "];

for (const [index, { source, flags, length }] of patterns.entries()) {
  parentPort?.postMessage(index);
  const pattern = new RegExp(source, flags);
  for (const text of textsFor(source, length)) text.replace(pattern, "");
}
parentPort?.postMessage(patterns.length);

/** Long runs of each character and pair that the pattern speaks of, between a beginning that may fit and an end that does not. */
function* textsFor(source: string, length: number): Generator<string> {
  const literal = source.replaceAll(/\\[a-zA-Z]|\\u[0-9a-f]{4}|[()[\]{}?*+^$|]/g, "").replaceAll("\\", "");
  const chars = [...new Set([...USUAL, ...literal])].slice(0, 32);
  const pieces = [...chars, ...chars.flatMap((one) => [`${one}a`, `${one} `, `${one};`])];
  for (const piece of pieces) {
    const run = piece.repeat(Math.floor(length / piece.length));
    for (const beginning of [...BEGINNINGS, literal.slice(0, 40)]) yield `${beginning}${run}\u0000`;
  }
}
