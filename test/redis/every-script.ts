import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { root } from "../support/process.ts";

const FOLDER = "src/adapters/redis";
const script = z.object({ name: z.string(), lua: z.string().startsWith("#!lua") });

/** Every script that a module of the store exports: its text by its name. @throws Error when two have one name */
export async function everyScript(): Promise<ReadonlyMap<string, string>> {
  const files = (await readdir(join(root, FOLDER), { recursive: true })).filter((file) =>
    file.endsWith(".ts"),
  );
  const modules: object[] = await Promise.all(files.map((file) => import(join(root, FOLDER, file))));
  const found = new Map<string, string>();
  for (const value of modules.flatMap((module) => Object.values(module))) {
    const { success, data } = script.safeParse(value);
    if (!success) continue;
    if (found.has(data.name)) throw new Error(`two scripts are named ${data.name}`);
    found.set(data.name, data.lua);
  }
  return found;
}
