import { idBytes, idOf, isId, makeId } from "../shared/id.ts";
import { Refusal } from "../shared/problems.ts";
import { hex, sha256 } from "../shared/bytes.ts";
import type { ProjectLimits } from "./caller.ts";
import { type Idempotency, reused } from "../shared/idempotency.ts";
import type { Parts } from "../ports/dependencies.ts";
import { firstConfig } from "../endpoints/signing-secrets.ts";
import type { StorePage } from "../ports/store.ts";

export interface Project {
  readonly id: string;
  readonly name: string;
}

/** Makes a project, or finds the one of that name: it gets its home partition and its signing secret. */
export async function createProject(
  parts: Parts,
  name: string,
): Promise<Project & { readonly created: boolean }> {
  const partition = Math.floor(parts.random() * parts.settings.partitions);
  const fresh = makeId("prj", parts.clock(), partition, crypto.getRandomValues(new Uint8Array(8)));
  const id = await parts.store.nameProject(name, fresh);
  await parts.store.initProject(id, name, await firstConfig(parts.keyring, id));
  return { id, name, created: id === fresh };
}

/** A page of a list whose cursor is Redis's own. */
export interface AdminPage<Item> {
  readonly data: readonly Item[];
  readonly nextCursor?: string;
}

/** A page of the projects, about 1,000. @throws Refusal */
export async function listProjects(parts: Parts, cursor?: string): Promise<AdminPage<Project>> {
  return shown(await parts.store.listProjects(checked(cursor)));
}

/** Every project, page by page. */
export async function* allProjects(parts: Parts): AsyncGenerator<Project, void, void> {
  let cursor: string | undefined;
  do {
    const page = await parts.store.listProjects(cursor);
    yield* page.data;
    cursor = page.next;
  } while (cursor !== undefined);
}

function shown<Item>({ data, next }: StorePage<Item>): AdminPage<Item> {
  return { data, ...(next !== undefined && { nextCursor: next }) };
}

function checked(cursor: string | undefined): string | undefined {
  if (cursor === undefined || /^\d{1,20}$/.test(cursor)) return cursor;
  throw new Refusal("malformed-parameter", "The cursor is not one that this API gave.");
}

export interface NewKey {
  /** A project's id, or its name: a name that is new makes the project. */
  readonly project: string;
  readonly scopes: readonly string[];
  readonly name?: string;
  /** Milliseconds from now. */
  readonly expiresIn?: number;
}

export interface ApiKeyView {
  readonly id: string;
  readonly project: Project;
  readonly scopes: readonly string[];
  readonly name?: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt?: number;
}

/** A project with its own limits; null is the deployment's. */
export interface LimitedProject extends Project {
  readonly searchable: readonly string[];
  readonly rateLimit: number | null;
  readonly maxOpen: number | null;
}

/** Sets a project's own limits. Tasks that were accepted before are not filed anew. @throws Refusal */
export async function limitProject(parts: Parts, id: string, limits: ProjectLimits): Promise<LimitedProject> {
  const set = await parts.store.limitProject(id, limits, crypto.randomUUID());
  if (!set) throw new Refusal("not-found", `There is no project "${id}".`);
  const { name, searchable = [], rateLimit = null, maxOpen = null } = set;
  return { id, name, searchable, rateLimit, maxOpen };
}

/** A key as it is told at its making. */
export type MadeKey = ApiKeyView & { readonly key: string };

/**
 * Makes an API key; Redis keeps a hash. Repeated under its idempotency key the answer is that of the first time, which
 * is kept for as long, encrypted under the master secret: else a lost answer would be a lost key.
 *
 * @throws Refusal
 */
export async function createKey(
  parts: Parts,
  wanted: NewKey,
  idempotency?: Idempotency,
): Promise<{ readonly made: MadeKey; readonly replayed: boolean }> {
  const project = isId("prj", wanted.project)
    ? await projectOf(parts, wanted.project)
    : await createProject(parts, wanted.project);
  const { id: projectId, name: projectName } = project;
  const createdAt = parts.clock();
  const id = makeId("key", createdAt, 0, crypto.getRandomValues(new Uint8Array(8)));
  const secret = crypto.getRandomValues(new Uint8Array(24));
  const expiresAt = wanted.expiresIn === undefined ? 0 : createdAt + wanted.expiresIn;
  const made = {
    id,
    key: await parts.keyring.sealKey(projectId, idBytes(id), secret),
    project: { id: projectId, name: projectName },
    scopes: wanted.scopes,
    ...(wanted.name !== undefined && { name: wanted.name }),
    createdAt,
    ...(expiresAt > 0 && { expiresAt }),
  };
  const { store, keyring } = parts;
  const record = {
    key: hex(idBytes(id)),
    hash: hex(await sha256(secret)),
    expiresAt,
    scopes: wanted.scopes,
    createdAt,
    name: wanted.name ?? "",
  };
  const binding = { purpose: "api-key", project: projectId } as const;
  const once = idempotency && { idempotency, id, sealed: await keyring.wrap(JSON.stringify(made), binding) };
  const answer = await store.putKey(projectId, record, once);
  if (answer.kind === "reused") throw reused();
  if (answer.kind === "granted") return { made, replayed: false };
  return { made: JSON.parse(await keyring.unwrap(answer.sealed, binding)) as MadeKey, replayed: true }; // sealed by ourselves
}

/** A page of the project's keys, about 1,000, without their texts; those of a page oldest first. @throws Refusal */
export async function listKeys(
  parts: Parts,
  project: string,
  cursor?: string,
): Promise<AdminPage<ApiKeyView>> {
  const at = checked(cursor);
  const found = await projectOf(parts, project);
  const page = shown(await parts.store.listKeys(found.id, at));
  const data = page.data.map((key) => ({
    id: idOf(
      "key",
      Uint8Array.from(key.key.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)),
    ),
    project: found,
    scopes: key.scopes,
    ...(key.name !== "" && { name: key.name }),
    createdAt: key.createdAt,
    ...(key.expiresAt > 0 && { expiresAt: key.expiresAt }),
  }));
  return { ...page, data };
}

/** The project of a key. @throws Refusal */
export async function ownerOf(parts: Parts, id: string): Promise<string> {
  const key = hex(idBytes(id));
  let cursor: string | undefined;
  do {
    const page = await parts.store.listProjects(cursor);
    const projects = page.data.map((project) => project.id);
    for (let from = 0; from < projects.length; from += OWNERS) {
      const owner = await parts.store.ownerOf(projects.slice(from, from + OWNERS), key);
      if (owner !== undefined) return owner;
    }
    cursor = page.next;
  } while (cursor !== undefined);
  throw new Refusal("not-found", `There is no key "${id}".`);
}

/** Projects that one Redis request asks for a key. */
const OWNERS = 500;

/** Revokes a key, from its next request on. @throws Refusal */
export async function deleteKey(parts: Parts, project: string, id: string): Promise<void> {
  const found = await projectOf(parts, project);
  const dropped =
    isId("key", id) && (await parts.store.dropKey(found.id, hex(idBytes(id)), crypto.randomUUID()));
  if (!dropped) throw new Refusal("not-found", `Project "${found.name}" has no key "${id}".`);
}

async function projectOf(parts: Parts, project: string): Promise<Project> {
  const found = await parts.store.findProject(project);
  if (!found) throw new Refusal("not-found", `There is no project "${project}".`);
  return found;
}
