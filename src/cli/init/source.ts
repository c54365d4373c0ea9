import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { Manifest } from "./manifest.ts";

/**
 * Where a new project gets this package from: the archive or folder from which it is installed here, else the registry.
 *
 * @param home the folder of this package
 * @param project the folder of the new project
 * @param version the range to ask the registry for
 */
export async function packageSource(home: string, project: string, version: string): Promise<string> {
  const modules = dirname(home);
  const owner = dirname(modules);
  const file = join(owner, "package.json");
  if (basename(modules) !== "node_modules" || !existsSync(file)) return version;
  const { dependencies, devDependencies } = JSON.parse(await readFile(file, "utf8")) as Manifest; // npm has read it
  const name = basename(home);
  const source = dependencies?.[name] ?? devDependencies?.[name];
  if (!source?.startsWith("file:")) return source ?? version;
  const path = relative(project, resolve(owner, source.slice("file:".length)));
  return `file:${path.replaceAll("\\", "/")}`;
}
