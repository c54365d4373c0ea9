import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FaultPoint } from "../../src/shared/fault-point.ts";
import { bundleFor } from "../support/bare-runtime.ts";
import type { Runtime } from "../support/stack.ts";

/** The gateway as one module per runtime, in a folder of its own. */
export interface Bundles {
  readonly folder: string;
  remove(): Promise<void>;
}

/** The name of a runtime's bundle in that folder. */
export function bundleName(runtime: Runtime): string {
  return `${runtime}.mjs`;
}

/** Bundles the deployment that the storm goes over, with the fault points that are active in it. */
export async function bundleDeployment(points: readonly FaultPoint[]): Promise<Bundles> {
  const folder = await mkdtemp(join(tmpdir(), "ringback-storm-"));
  const define = { RINGBACK_FAULTS: JSON.stringify(points) };
  const bundles = (["workerd", "deno"] as const).map((runtime) =>
    bundleFor(runtime, "test/faults/deployment.ts", join(folder, bundleName(runtime)), { define }),
  );
  await Promise.all(bundles);
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
