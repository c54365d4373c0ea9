import { createHash } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { root } from "./root.ts";

const FOLDER = join(root, "src/redis");
const script = z.object({ name: z.string(), lua: z.string().startsWith("#!lua") });

/** The scripts that Redis runs, by name: each with its text, and the SHA-1 that Redis knows it by. */
export type Scripts = ReadonlyMap<string, { readonly lua: string; readonly sha: string }>;

/** Every script that a module of the store exports. @throws Error when two have one name */
export async function collectScripts(): Promise<Scripts> {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith(".ts"));
  const modules: object[] = await Promise.all(files.map((file) => import(join(FOLDER, file))));
  const found = new Map<string, { lua: string; sha: string }>();
  for (const value of modules.flatMap((module) => Object.values(module))) {
    const { success, data } = script.safeParse(value);
    if (!success) continue;
    if (found.has(data.name)) throw new Error(`two scripts are named ${data.name}`);
    found.set(data.name, { lua: data.lua, sha: createHash("sha1").update(data.lua).digest("hex") });
  }
  return found;
}

/** Writes the scripts' texts, as `<sha>.lua`. */
export async function writeScripts(scripts: Scripts, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await Promise.all([...scripts.values()].map(({ lua, sha }) => writeFile(join(folder, `${sha}.lua`), lua)));
}

/** A module of the store with each script's hash in place of its text. @throws Error when a script is not among them */
export function withoutTexts(source: string, scripts: Scripts): string {
  return source.replaceAll(/\bscript\(\s*"([\w-]+)",\s*(?:`[^`]*`|"[^"]*"),?\s*\)/g, (_, name: string) => {
    const found = scripts.get(name);
    if (!found) throw new Error(`no module exports the script ${name}`);
    return `script("${name}", "${found.sha}")`;
  });
}
