import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { root } from "../src/local/root.ts";
import { replaceFolder } from "./folder.ts";
import { guideImages, guidePages } from "./guides/site.ts";
import { consolePages } from "./pages/console.ts";
import { referencePages } from "./pages/reference.ts";

/**
 * Writes what the gateway serves from files: the page that shows its OpenAPI document, the console, and the
 * documentation.
 *
 * @param outDir the folder that becomes the top of the site; made when it is not there
 */
export async function buildAssets(outDir: string): Promise<void> {
  const files: Readonly<Record<string, string | Uint8Array>> = {
    ...(await referencePages()),
    ...(await consolePages()),
    ...(await guidePages()),
    ...(await guideImages()),
  };
  for (const [name, content] of Object.entries(files)) {
    const path = join(outDir, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

if (import.meta.main) await replaceFolder(join(root, "dist/assets"), buildAssets);
