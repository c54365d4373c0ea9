import { allProjects } from "./manage-projects.ts";
import { configure, readConfiguration } from "./configure.ts";
import { internalCaller } from "../tasks/run/fail-attempt.ts";
import type { Keyring, Parts, Purpose } from "../ports/dependencies.ts";
import { StoreUnavailable } from "../ports/ports.ts";
import { mapSealed, type ProjectConfig, sealedTexts } from "./project-config.ts";

/** Projects that one sweep looks at. */
const BATCH = 25;

/** What of a project is sealed under which generation of the master secret. */
export interface Sealed {
  readonly id: string;
  readonly name: string;
  /** Secrets sealed under the master secret before. */
  readonly previous: number;
  /** Secrets that no configured master secret opens. */
  readonly lost: number;
}

/** Whether payloads need the previous master secret: `checking` until everything stored was looked through once. */
export type Payloads = "checking" | "needed" | "clear";

/** How far the re-encryption has come; kept in Redis, because isolates come and go. */
interface Progress {
  /** The generation that is to be given up. */
  readonly generation: string;
  /** The last project that was done; empty before the first. */
  readonly project: string;
  /** Redis's cursor over all keys, whether this pass has found a payload, and what the last whole pass found. */
  readonly scan: string;
  readonly found: boolean;
  readonly payloads: Payloads;
}

/**
 * Says which projects still need the previous master secret; one that is not listed needs none but the current.
 */
export async function listSealed(parts: Parts): Promise<readonly Sealed[]> {
  const sealed: Sealed[] = [];
  for await (const { id, name } of allProjects(parts)) {
    const { config } = await readConfiguration(parts, internalCaller(id), "admin");
    const counts = await countOf(parts.keyring, config);
    if (counts.previous + counts.lost > 0) sealed.push({ id, name, ...counts });
  }
  return sealed;
}

/** What the last whole pass has found of payloads under the previous master secret; undefined while there is none. */
export async function sealedPayloads({ keyring, store }: Parts): Promise<Payloads | undefined> {
  const generation = await keyring.previousGeneration();
  if (generation === undefined) return undefined;
  return readProgress(await store.resealing(), generation).payloads;
}

/**
 * One step while the master secret rotates: encrypts the next few projects' secrets anew, and looks through the next
 * page of everything stored for payloads that the one before has encrypted. After the last it begins again: others may
 * have sealed with the old one meanwhile. Nothing while there is no previous one.
 *
 * @param most projects that may be looked at
 */
export async function resealSome(parts: Parts, most: number): Promise<void> {
  if (most < 1) return;
  const { keyring, store } = parts;
  const generation = await keyring.previousGeneration();
  if (generation === undefined) return;
  const before = readProgress(await store.resealing(), generation);
  const project = await resealProjects(parts, before.project, Math.min(BATCH, most));
  const page = await store.findSealed(before.scan, generation);
  const found = before.found || page.found;
  const whole = page.cursor === "0";
  const verdict = found ? "needed" : "clear";
  await store.resealing(
    writeProgress({
      generation,
      project,
      scan: page.cursor,
      found: whole ? false : found,
      payloads: whole ? verdict : before.payloads,
    }),
  );
}

/** The projects after that one, in order of their ids; gives the last that was done, empty at the end of the list. */
async function resealProjects(parts: Parts, after: string, most: number): Promise<string> {
  const left: string[] = [];
  for await (const { id } of allProjects(parts)) if (id > after) left.push(id);
  left.sort();
  const next = left.slice(0, most);
  for (const id of next) {
    try {
      const count = await reseal(parts, id);
      if (count > 0) parts.log("info", "secrets-resealed", { project: id, count });
    } catch (error) {
      // One project's fault holds up no other; it comes again with the next round, and stays listed until then.
      if (error instanceof StoreUnavailable) throw error;
      parts.log("error", "secrets-not-resealed", { project: id, reason: String(error) });
    }
  }
  return left.length > most ? (next.at(-1) ?? "") : "";
}

/** `<generation> <project, or -> <cursor> <found, 0 or 1> <payloads>`; of another generation it says nothing. */
function readProgress(text: string, generation: string): Progress {
  const [of, project = "-", scan = "0", found, payloads] = text.split(" ");
  if (of !== generation) return { generation, project: "", scan: "0", found: false, payloads: "checking" };
  return {
    generation,
    project: project === "-" ? "" : project,
    scan,
    found: found === "1",
    payloads: payloads === "needed" || payloads === "clear" ? payloads : "checking",
  };
}

function writeProgress({ generation, project, scan, found, payloads }: Progress): string {
  return [generation, project || "-", scan, found ? "1" : "0", payloads].join(" ");
}

/** Encrypts a project's secrets anew; every secret and key stays as it is. Gives how many there were to do. */
export async function reseal(parts: Parts, project: string): Promise<number> {
  const us = internalCaller(project);
  const { config } = await readConfiguration(parts, us, "admin");
  const { previous } = await countOf(parts.keyring, config);
  if (previous === 0) return 0;
  await configure(parts, us, { scope: "admin" }, async (now) => ({
    config: await anew(parts.keyring, project, now),
    id: project,
  }));
  return previous;
}

async function anew(keyring: Keyring, project: string, config: ProjectConfig): Promise<ProjectConfig> {
  const purposes = new Map<string, Purpose>();
  mapSealed(config, (text, purpose) => {
    purposes.set(text, purpose);
    return text;
  });
  const fresh = new Map<string, string>();
  for (const [text, purpose] of purposes) {
    if ((await keyring.generationOf(text)) === "previous") {
      const binding = { purpose, project };
      fresh.set(text, await keyring.wrap(await keyring.unwrap(text, binding), binding));
    }
  }
  return mapSealed(config, (text) => fresh.get(text) ?? text);
}

async function countOf(keyring: Keyring, config: ProjectConfig): Promise<Pick<Sealed, "previous" | "lost">> {
  const generations = await Promise.all(sealedTexts(config).map((text) => keyring.generationOf(text)));
  const count = (wanted: "previous" | "lost") => generations.filter((one) => one === wanted).length;
  return { previous: count("previous"), lost: count("lost") };
}
