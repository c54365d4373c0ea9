import { join } from "node:path";
import { root } from "../src/local/root.ts";
import { buildAssets } from "./assets.ts";
import { replaceFolder } from "./folder.ts";
import { buildReceiver } from "./receiver.ts";

/** Everything that is published or deployed and is not source: the static pages and `ringback/receiver`. */
const began = performance.now();
await Promise.all([replaceFolder(join(root, "dist/assets"), buildAssets), buildReceiver()]);
console.log(`build: dist/assets and dist/receiver.js in ${Math.round(performance.now() - began)} ms`);
