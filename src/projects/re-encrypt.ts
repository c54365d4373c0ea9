import type { Dependencies } from "../ports/dependencies.ts";
import { StoreUnavailable } from "../ports/errors.ts";
import type { Cipher, MasterSecrets, Purpose } from "../ports/keyring.ts";
import type { RotationStore } from "../ports/stores/project-store.ts";
import { errorText } from "../shared/log/error-text.ts";
import { type ConfigureParts, configure, readConfiguration } from "./configure.ts";
import { type GenerationParts, keepGenerations } from "./generations.ts";
import { allProjects, type ProjectListParts } from "./manage-projects.ts";
import { system } from "./principal.ts";
import { encryptedTexts, mapEncrypted, type ProjectConfig } from "./project-config.ts";

/** The parts that the re-encryption of secrets uses. */
export type ReEncryptParts = ConfigureParts &
  GenerationParts &
  ProjectListParts &
  Pick<Dependencies, "log"> & { readonly store: RotationStore; readonly keyring: Cipher & MasterSecrets };

/** Projects that one sweep looks at. */
const BATCH = 25;

/** The parts of a project that are encrypted, by generation of the master secret. */
export interface Encrypted {
  readonly id: string;
  readonly name: string;
  /** Secrets encrypted under the previous master secret. */
  readonly previous: number;
  /** Secrets that no configured master secret decrypts. */
  readonly lost: number;
}

/** Whether payloads need the previous master secret: `checking` until everything stored was looked through once. */
export type Payloads = "checking" | "needed" | "clear";

/** The progress of the re-encryption; kept in Redis, because isolates are short-lived. */
interface Progress {
  /** The generation that is being replaced. */
  readonly generation: string;
  /** The last project that was done; empty before the first. */
  readonly project: string;
  /** Redis's cursor over all keys, whether this pass has found a payload, and what the last whole pass found. */
  readonly scan: string;
  readonly found: boolean;
  readonly payloads: Payloads;
}

/**
 * Says which projects still need the previous master secret; all others need only the current one.
 */
export async function listEncrypted(deps: ReEncryptParts): Promise<readonly Encrypted[]> {
  const encrypted: Encrypted[] = [];
  for await (const project of allProjects(deps)) {
    const counts = await encryptedOf(deps, project);
    if (counts.previous + counts.lost > 0) encrypted.push(counts);
  }
  return encrypted;
}

/** The same of one project; one request to Redis. */
export async function encryptedOf(
  deps: ReEncryptParts,
  { id, name }: Pick<Encrypted, "id" | "name">,
): Promise<Encrypted> {
  const { config } = await readConfiguration(deps, system(id), "admin");
  return { id, name, ...(await countOf(deps.keyring, config)) };
}

/** The result of the last whole pass over payloads under the previous master secret; undefined before the first. */
export async function encryptedPayloads({ keyring, store }: ReEncryptParts): Promise<Payloads | undefined> {
  const generation = await keyring.previousGeneration();
  if (generation === undefined) return undefined;
  return readProgress(await store.reEncryptionState(), generation).payloads;
}

/**
 * One step while the master secret rotates: re-encrypts the next few projects' secrets, and looks through the next
 * page of everything stored for payloads of the previous one. After the last page it begins again: others may
 * have encrypted with the old secret meanwhile. Does nothing while there is no previous one.
 *
 * @param most projects that may be looked at
 */
export async function reEncryptSome(deps: ReEncryptParts, most: number): Promise<void> {
  if (most < 1) return;
  const { keyring, store } = deps;
  const generation = await keyring.previousGeneration();
  if (generation === undefined) return;
  await keepGenerations(deps);
  const before = readProgress(await store.reEncryptionState(), generation);
  const project = await reEncryptProjects(deps, before.project, Math.min(BATCH, most));
  const page = await store.findEncrypted(before.scan, generation);
  const found = before.found || page.found;
  const whole = page.cursor === "0";
  const verdict = found ? "needed" : "clear";
  await store.reEncryptionState(
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
async function reEncryptProjects(deps: ReEncryptParts, after: string, most: number): Promise<string> {
  const left: string[] = [];
  for await (const { id } of allProjects(deps)) if (id > after) left.push(id);
  left.sort();
  const next = left.slice(0, most);
  for (const id of next) {
    try {
      const count = await reEncrypt(deps, id);
      if (count > 0) deps.log("info", "secrets-resealed", { project: id, count });
    } catch (error) {
      // An error in one project does not stop the others; the project stays listed, and the next round tries it again.
      if (error instanceof StoreUnavailable) throw error;
      deps.log("error", "secrets-not-resealed", { project: id, reason: errorText(error) });
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

/** Re-encrypts a project's secrets; every secret and key stays as it is. Returns how many there were to do. */
export async function reEncrypt(deps: ReEncryptParts, project: string): Promise<number> {
  const us = system(project);
  const { config } = await readConfiguration(deps, us, "admin");
  const { previous } = await countOf(deps.keyring, config);
  if (previous === 0) return 0;
  await configure(deps, us, { scope: "admin" }, async (now) => ({
    config: await reEncrypted(deps.keyring, project, now),
    id: project,
  }));
  return previous;
}

async function reEncrypted(
  keyring: ReEncryptParts["keyring"],
  project: string,
  config: ProjectConfig,
): Promise<ProjectConfig> {
  const purposes = new Map<string, Purpose>();
  mapEncrypted(config, (text, purpose) => {
    purposes.set(text, purpose);
    return text;
  });
  const fresh = new Map<string, string>();
  for (const [text, purpose] of purposes) {
    if ((await keyring.generationOf(text)) === "previous") {
      const binding = { purpose, project };
      fresh.set(text, await keyring.encrypt(await keyring.decrypt(text, binding), binding));
    }
  }
  return mapEncrypted(config, (text) => fresh.get(text) ?? text);
}

async function countOf(
  keyring: MasterSecrets,
  config: ProjectConfig,
): Promise<Pick<Encrypted, "previous" | "lost">> {
  const generations = await Promise.all(encryptedTexts(config).map((text) => keyring.generationOf(text)));
  const count = (wanted: "previous" | "lost") => generations.filter((one) => one === wanted).length;
  return { previous: count("previous"), lost: count("lost") };
}
