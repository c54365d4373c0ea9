import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Writes a folder again. Others may read it or write it at the same time: each file changes from one whole version to
 * the next, and a file that is in both versions is never missing.
 *
 * @param write fills the folder that it is given, which is empty
 */
export async function replaceFolder(folder: string, write: (fresh: string) => Promise<void>): Promise<void> {
  await mkdir(folder, { recursive: true });
  const fresh = await mkdtemp(`${folder}-`);
  try {
    await write(fresh);
    const files = await filesIn(fresh);
    for (const file of files) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await rename(join(fresh, file), join(folder, file));
    }
    for (const file of await filesIn(folder))
      if (!files.includes(file)) await rm(join(folder, file), { force: true });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
