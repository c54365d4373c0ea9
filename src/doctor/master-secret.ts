import type { MasterSecrets } from "../ports/keyring.ts";
import type { ProjectStore } from "../ports/stores/project-store.ts";
import { encryptedOf, encryptedPayloads, type ReEncryptParts } from "../projects/re-encrypt.ts";
import { broken, type Finding, fine, NOT_USED } from "./check.ts";

/** The parts that the check of the master secret uses. */
export type MasterSecretParts = ReEncryptParts & {
  readonly store: ProjectStore;
  readonly keyring: MasterSecrets;
};

/** Projects that are looked at: each is a request to Redis, and a Worker may make 50. */
const PROJECTS = 10;

/** Whether the master secret decrypts the stored data, and whether the previous one is still needed. */
export async function masterSecretFinding(deps: MasterSecretParts): Promise<Finding> {
  const [page, payloads] = await Promise.all([deps.store.listProjects(), encryptedPayloads(deps)]);
  const counts = await Promise.all(page.data.slice(0, PROJECTS).map((project) => encryptedOf(deps, project)));
  const projects = `the first ${counts.length} projects`;
  const lost = counts.reduce((sum, count) => sum + count.lost, 0);
  if (lost > 0) {
    return broken(
      `No configured master secret decrypts ${lost} secrets of ${projects}.`,
      "Set RINGBACK_MASTER_SECRET, or RINGBACK_PREVIOUS_MASTER_SECRET, to the one that encrypted them.",
    );
  }
  if (!deps.keyring.rotating) return NOT_USED;
  const previous = counts.reduce((sum, count) => sum + count.previous, 0);
  if (previous > 0) {
    return fine(
      `previousNeeded is true: ${previous} secrets of ${projects} are sealed under the previous one.`,
    );
  }
  if (payloads !== "clear") {
    return fine(
      `previousNeeded is true: payloads are ${payloads === "needed" ? "sealed under the previous one" : "being looked through"}.`,
    );
  }
  const all = counts.length === page.data.length && page.next === undefined;
  return fine(
    all
      ? "previousNeeded is false: the previous one can go."
      : `Neither payloads nor ${projects} need the previous one; GET /admin/secrets looks at all.`,
  );
}
