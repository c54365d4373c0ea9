import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { root } from "../../src/local/root.ts";

const SOURCE = join(root, "src/console");

/** The console, by file name: its page, and its script and style as one file each. */
export async function consolePages(): Promise<Readonly<Record<string, string>>> {
  const { outputFiles } = await build({
    entryPoints: { app: join(SOURCE, "main.tsx") },
    outdir: join(root, "dist/assets/console"),
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2024", "chrome123", "firefox120", "safari17.5"],
    platform: "browser",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "warning",
  });
  const built = outputFiles.map(({ path, text }) => [`console/${basename(path)}`, text]);
  return {
    "console.html": await readFile(join(SOURCE, "console.html"), "utf8"),
    "console/icon.svg": await readFile(join(SOURCE, "icon.svg"), "utf8"),
    ...Object.fromEntries(built),
  };
}
