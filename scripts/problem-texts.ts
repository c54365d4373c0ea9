import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../src/local/root.ts";
import { problemTexts } from "./pages/problem-texts.ts";

/**
 * Writes src/http/pages/problem-texts.json from docs/reference/errors.md. The file is kept, because the gateway runs
 * from its source without a build, and serves these pages without any other file.
 */
await writeFile(
  join(root, "src/http/pages/problem-texts.json"),
  `${JSON.stringify(await problemTexts(), null, 2)}\n`,
);
