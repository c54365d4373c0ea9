import { join } from "node:path";
import { runChild } from "./child.ts";
import { root } from "./root.ts";

/** The checks, each a program among the dependencies. All run, so that one look shows everything. */
const CHECKS: Readonly<Record<string, readonly string[]>> = {
  types: ["tsc", "--noEmit"],
  "style and rooms": ["biome", "check"],
  "unused code": ["knip"],
};

const failed: string[] = [];
for (const [name, [program = "", ...args]] of Object.entries(CHECKS)) {
  console.log(`check: ${name}`);
  if ((await runChild(join(root, "node_modules/.bin", program), args)) !== 0) failed.push(name);
}
console.log("check: size");
if ((await runChild(process.execPath, [join(root, "src/local/size.ts")])) !== 0) failed.push("size");

console.log(failed.length === 0 ? "check: passed" : `check: failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
