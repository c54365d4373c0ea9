import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Plugin } from "esbuild";
import { bundleFor } from "../support/bare-runtime.ts";
import { root } from "../support/process.ts";
import type { Runtime } from "../support/stack.ts";
import type { Patch } from "./conditions.ts";

/** The gateway as one module per runtime, in a folder of its own. */
export interface Bundles {
  readonly folder: string;
  remove(): Promise<void>;
}

/** The name of a runtime's bundle in that folder. */
export function bundleName(runtime: Runtime): string {
  return `${runtime}.mjs`;
}

/**
 * Bundles the deployment that the storm goes over, with what breaks it on purpose.
 *
 * @throws Error when a patch no longer fits the source: a break that breaks nothing would prove nothing
 */
export async function bundleDeployment(patches: readonly Patch[]): Promise<Bundles> {
  const folder = await mkdtemp(join(tmpdir(), "ringback-storm-"));
  const applied = new Set<Patch>();
  await Promise.all(
    (["workerd", "deno"] as const).map((runtime) =>
      bundleFor(runtime, "test/faults/deployment.ts", join(folder, bundleName(runtime)), [
        breaking(patches, applied),
      ]),
    ),
  );
  const missed = patches.filter((patch) => !applied.has(patch));
  if (missed.length > 0) throw new Error(`not in the bundle: ${missed.map(({ file }) => file).join(", ")}`);
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

function breaking(patches: readonly Patch[], applied: Set<Patch>): Plugin {
  return {
    name: "break",
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]src[\\/].+\.ts$/ }, async ({ path }) => {
        const file = relative(root, path);
        const own = patches.filter((patch) => patch.file === file);
        if (own.length === 0) return undefined;
        let contents = await readFile(path, "utf8");
        for (const patch of own) {
          if (!contents.includes(patch.find)) throw new Error(`${file} no longer has: ${patch.find}`);
          contents = contents.replace(patch.find, () => patch.replace);
          applied.add(patch);
        }
        return { contents, loader: "ts" };
      });
    },
  };
}
