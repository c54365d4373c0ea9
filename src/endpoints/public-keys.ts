import type { Dependencies } from "../ports/dependencies.ts";
import type { ConfigStore } from "../ports/stores/project-store.ts";
import { system } from "../projects/principal.ts";
import { parseConfig } from "../projects/project-config.ts";
import type { Settings } from "../shared/settings.ts";
import type { PublicJwk } from "./schema.ts";
import { publicJwk } from "./signing-keys.ts";

/** The parts that the public keys of a project use. */
export type PublicKeyParts = Pick<Dependencies, "clock" | "settings" | "hashes"> & {
  readonly store: ConfigStore;
};

/** How long an isolate caches a project's keys, and their absence (milliseconds). */
const KEYS_KEPT = 300_000;
const ABSENCE_KEPT = 10_000;

/** Projects whose public keys an isolate keeps. */
const PROJECTS_KEPT = 1_000;

interface KeptKeys {
  readonly keys: readonly PublicJwk[] | undefined;
  readonly until: number;
}

/** By deployment, which its settings stand for: each request has a store of its own. */
const keptKeys = new WeakMap<Settings, Map<string, KeptKeys>>();

/**
 * The public keys of a project, for anybody; undefined when there is no such project. Anybody may ask, so an isolate
 * asks Redis once in five minutes for each project, and every ten seconds for one without keys.
 */
export async function publicKeys(
  ctx: PublicKeyParts,
  project: string,
): Promise<readonly PublicJwk[] | undefined> {
  const kept = keptKeys.get(ctx.settings) ?? new Map<string, KeptKeys>();
  keptKeys.set(ctx.settings, kept);
  const before = kept.get(project);
  if (before && ctx.clock() < before.until) return before.keys;
  const keys = await readPublicKeys(ctx, project);
  kept.delete(project);
  kept.set(project, { keys, until: ctx.clock() + (keys?.length ? KEYS_KEPT : ABSENCE_KEPT) });
  const [oldest] = kept.keys();
  if (kept.size > PROJECTS_KEPT && oldest !== undefined) kept.delete(oldest);
  return keys;
}

/** Drops the isolate's cached keys of a project: it has created or changed its keys. */
export function forgetPublicKeys({ settings }: PublicKeyParts, project: string): void {
  keptKeys.get(settings)?.delete(project);
}

async function readPublicKeys(
  ctx: PublicKeyParts,
  project: string,
): Promise<readonly PublicJwk[] | undefined> {
  const answer = await ctx.store.readConfig(system(project), "admin");
  if (answer.kind !== "found") return undefined;
  const { ed25519 } = parseConfig(answer.config);
  return ed25519 ? [await publicJwk(ctx.hashes, ed25519)] : [];
}
