import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../src/local/root.ts";

/**
 * The compressed size that the bundle may have. Cloudflare allows 3 MiB on its free plan. A Worker parses its whole
 * bundle at a cold start, so a small one answers its first request sooner.
 */
const LIMIT_KIB = 300;

/** Asks wrangler itself, which also shows that the project deploys as it is. */
const { stdout, stderr } = await promisify(execFile)(
  process.execPath,
  [join(root, "node_modules/wrangler/bin/wrangler.js"), "deploy", "--dry-run"],
  { cwd: root, env: { ...process.env, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" } },
);
const size = /Total Upload: ([\d.]+) KiB \/ gzip: ([\d.]+) KiB/.exec(stdout);
if (!size) throw new Error(`wrangler named no size:\n${stdout}`);
const [, plain, gzip] = size;
console.log(`bundle: ${plain} KiB, ${gzip} KiB gzip (limit ${LIMIT_KIB} KiB)`);
if (Number(gzip) > LIMIT_KIB) {
  console.error(
    `the bundle is ${(Number(gzip) - LIMIT_KIB).toFixed(1)} KiB over its limit, LIMIT_KIB in scripts/size.ts:` +
      " a Worker parses its whole bundle at a cold start. Look for a new import in `npx wrangler deploy --dry-run --metafile`.",
  );
  process.exitCode = 1;
}
if (/\[WARNING\]/.test(stdout + stderr)) {
  console.error(`a deploy would print warnings:\n${stdout}${stderr}`);
  process.exitCode = 1;
}
