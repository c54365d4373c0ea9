import { join } from "node:path";
import { root } from "../src/local/root.ts";
import { buildAssets } from "./assets.ts";
import { replaceFolder } from "./folder.ts";
import { buildPackage } from "./package.ts";

/** Everything that is published or deployed and is not source: the static pages, and the package's modules. */
const began = performance.now();
await Promise.all([replaceFolder(join(root, "dist/assets"), buildAssets), buildPackage()]);
console.log(`build: dist in ${Math.round(performance.now() - began)} ms`);
