import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "../src/local/root.ts";

/** The compressed size that `ringback/client` may have: a page loads it before it can show anything. */
const LIMIT_KIB = 6;

/** Bundled for a browser, which also shows that it needs no package and no module of Node. */
const { outputFiles, metafile } = await build({
  entryPoints: [join(root, "src/client/index.ts")],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  platform: "browser",
  logLevel: "error",
  write: false,
  metafile: true,
  absWorkingDir: root,
});
const foreign = Object.keys(metafile.inputs).filter((file) => !/^src\/(client|shared)\//.test(file));
const kib = gzipSync(outputFiles[0]?.contents ?? "").length / 1024;
console.log(`ringback/client: ${kib.toFixed(1)} KiB gzip (limit ${LIMIT_KIB} KiB)`);
if (kib > LIMIT_KIB) {
  console.error("the client is over its limit, LIMIT_KIB in scripts/client-size.ts.");
  process.exitCode = 1;
}
if (foreign.length > 0) {
  console.error(`the client loads more than its own files: ${foreign.join(", ")}. Import types alone.`);
  process.exitCode = 1;
}
