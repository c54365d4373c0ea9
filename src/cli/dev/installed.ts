import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { root } from "../../local/root.ts";

/** A file among the packages of this project, or of a folder above it, or next to this package; undefined: nowhere. */
export function installedFile(path: string): string | undefined {
  for (const start of [process.cwd(), root]) {
    for (let folder = start; ; folder = dirname(folder)) {
      const file = join(folder, "node_modules", path);
      if (existsSync(file)) return file;
      if (dirname(folder) === folder) break;
    }
  }
  return undefined;
}

/** The built-in gateway: in the package as it is installed, or in the source. */
export function builtIn(name: "worker" | "deno"): string {
  const packed = join(root, `dist/entry/${name}.js`);
  const source = join(root, `src/${name}.ts`);
  return existsSync(source) ? source : packed;
}
