import { gzipSync } from "node:zlib";
import { consolePages } from "./pages/console.ts";

/** What a browser may have to load, compressed: it is a second on a slow phone. */
const LIMIT_KIB = 150;

const files = Object.entries(await consolePages());
const sizes = files.map(([name, text]) => ({ name, kib: gzipSync(text).byteLength / 1_024 }));
const total = sizes.reduce((sum, { kib }) => sum + kib, 0);
const shown = sizes.map(({ name, kib }) => `${name} ${kib.toFixed(1)}`).join(", ");
console.log(`console: ${total.toFixed(1)} KiB gzip (limit ${LIMIT_KIB} KiB): ${shown}`);
if (total > LIMIT_KIB) {
  console.error("the console is over its limit, LIMIT_KIB in scripts/console-size.ts");
  process.exitCode = 1;
}
