import { configure, readConfiguration } from "./configure.ts";
import { internalCaller } from "./fail.ts";
import type { Keyring, Parts } from "./parts.ts";
import { mapSealed, type ProjectConfig, sealedTexts } from "./project-config.ts";

/** Projects that one sweep looks at. */
const BATCH = 25;

/** Projects that this process has found with nothing of an older master secret. */
const done = new WeakMap<Keyring, Set<string>>();

/** What of a project is sealed under which generation of the master secret. */
export interface Sealed {
  readonly id: string;
  readonly name: string;
  /** Secrets sealed under the master secret before. */
  readonly previous: number;
  /** Secrets that no configured master secret opens. */
  readonly lost: number;
}

/**
 * Says which projects still need the previous master secret; one that is not listed needs none but the current.
 */
export async function listSealed(parts: Parts): Promise<readonly Sealed[]> {
  const projects = await parts.store.listProjects();
  const sealed: Sealed[] = [];
  for (const { id, name } of projects) {
    const { config } = await readConfiguration(parts, internalCaller(id), "admin");
    const counts = await countOf(parts.keyring, config);
    if (counts.previous + counts.lost > 0) sealed.push({ id, name, ...counts });
  }
  return sealed;
}

/** Encrypts anew, for the next few projects, what the master secret before has sealed; nothing while there is none. */
export async function resealSome(parts: Parts): Promise<void> {
  if (!parts.keyring.rotating) return;
  const known = done.get(parts.keyring) ?? new Set();
  done.set(parts.keyring, known);
  const left = (await parts.store.listProjects()).filter(({ id }) => !known.has(id));
  for (const { id } of left.slice(0, BATCH)) {
    const resealed = await reseal(parts, id);
    known.add(id);
    if (resealed > 0) parts.log("info", "secrets-resealed", { project: id, count: resealed });
  }
}

/** Encrypts a project's secrets anew; every secret and key stays as it is. Gives how many there were to do. */
export async function reseal(parts: Parts, project: string): Promise<number> {
  const us = internalCaller(project);
  const { config } = await readConfiguration(parts, us, "admin");
  const { previous } = await countOf(parts.keyring, config);
  if (previous === 0) return 0;
  await configure(parts, us, { scope: "admin" }, async (now) => ({
    config: await anew(parts.keyring, now),
    id: project,
  }));
  return previous;
}

async function anew(keyring: Keyring, config: ProjectConfig): Promise<ProjectConfig> {
  const fresh = new Map<string, string>();
  for (const text of sealedTexts(config)) {
    if ((await keyring.generationOf(text)) === "previous") {
      fresh.set(text, await keyring.wrap(await keyring.unwrap(text)));
    }
  }
  return mapSealed(config, (text) => fresh.get(text) ?? text);
}

async function countOf(keyring: Keyring, config: ProjectConfig): Promise<Pick<Sealed, "previous" | "lost">> {
  const generations = await Promise.all(sealedTexts(config).map((text) => keyring.generationOf(text)));
  const count = (wanted: "previous" | "lost") => generations.filter((one) => one === wanted).length;
  return { previous: count("previous"), lost: count("lost") };
}
