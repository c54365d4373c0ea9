import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openApi } from "../src/http/openapi/document.ts";
import { root } from "../src/local/root.ts";
import { replaceFolder } from "./folder.ts";
import { problemPages } from "./pages/problems.ts";
import { referencePages } from "./pages/reference.ts";

/**
 * Writes what the gateway serves from files: the OpenAPI document, the page that shows it, a page per problem.
 *
 * @param outDir the folder that becomes the top of the site; made when it is not there
 */
export async function buildAssets(outDir: string): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string }; // npm insists on it
  const files: Readonly<Record<string, string>> = {
    "openapi.json": JSON.stringify(openApi(version)),
    ...(await referencePages()),
    ...(await problemPages()),
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(outDir, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

if (import.meta.main) await replaceFolder(join(root, "dist/assets"), buildAssets);
