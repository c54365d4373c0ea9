import { firstConfig } from "../endpoints/signing-secrets.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import type { ApiKeys, Cipher } from "../ports/keyring.ts";
import type { ApiKeyStore, ProjectStore, StorePage } from "../ports/stores/project-store.ts";
import { hex } from "../shared/bytes.ts";
import { idBytes, idOf, isId, makeId } from "../shared/id.ts";
import { type Idempotency, reused } from "../shared/idempotency.ts";
import { ApiError } from "../shared/problems.ts";
import type { ProjectLimits } from "./caller.ts";
import { type GenerationParts, keepGenerations } from "./generations.ts";

/** The parts that the management of projects and keys uses. */
export type ProjectParts = GenerationParts &
  Pick<Dependencies, "clock" | "hashes" | "random" | "settings"> & {
    readonly store: ApiKeyStore & ProjectStore;
    readonly keyring: ApiKeys & Cipher;
  };

/** The parts that a list of the projects uses. */
export interface ProjectListParts {
  readonly store: Pick<ProjectStore, "listProjects">;
}

export interface Project {
  readonly id: string;
  readonly name: string;
}

/** Makes a project, or finds the one of that name: it gets its home partition and its signing secret. */
export async function createProject(
  deps: ProjectParts,
  name: string,
): Promise<Project & { readonly created: boolean }> {
  const partition = Math.floor(deps.random() * deps.settings.partitions);
  const fresh = makeId("prj", deps.clock(), partition, crypto.getRandomValues(new Uint8Array(8)));
  const id = await deps.store.nameProject(name, fresh);
  await deps.store.initProject(id, name, await firstConfig(deps.keyring, id));
  return { id, name, created: id === fresh };
}

/** A page of a list whose cursor is Redis's own. */
export interface AdminPage<Item> {
  readonly data: readonly Item[];
  readonly nextCursor?: string;
}

/** A page of the projects, about 1,000. @throws ApiError */
export async function listProjects(deps: ProjectListParts, cursor?: string): Promise<AdminPage<Project>> {
  return shown(await deps.store.listProjects(checked(cursor)));
}

/** Every project, page by page. */
export async function* allProjects(deps: ProjectListParts): AsyncGenerator<Project, void, void> {
  let cursor: string | undefined;
  do {
    const page = await deps.store.listProjects(cursor);
    yield* page.data;
    cursor = page.next;
  } while (cursor !== undefined);
}

function shown<Item>({ data, next }: StorePage<Item>): AdminPage<Item> {
  return { data, ...(next !== undefined && { nextCursor: next }) };
}

function checked(cursor: string | undefined): string | undefined {
  if (cursor === undefined || /^\d{1,20}$/.test(cursor)) return cursor;
  throw new ApiError("malformed-parameter", "The cursor is not one that this API gave.");
}

export interface NewKey {
  /** A project's id, or its name: an unknown name makes the project. */
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
  readonly requireIdempotencyKey: boolean;
}

/** Sets a project's own limits. Tasks that were accepted before keep their place in the queue. @throws ApiError */
export async function limitProject(
  deps: ProjectParts,
  id: string,
  limits: ProjectLimits,
): Promise<LimitedProject> {
  const set = await deps.store.limitProject(id, limits, crypto.randomUUID());
  if (!set) throw new ApiError("not-found", `There is no project "${id}".`);
  const { name, searchable = [], rateLimit = null, maxOpen = null, requireIdempotencyKey = false } = set;
  return { id, name, searchable, rateLimit, maxOpen, requireIdempotencyKey };
}

/** Stores that know this isolate's generations. */
const generationsKept = new WeakSet<object>();

/** A key as shown when it is created. */
export type MadeKey = ApiKeyView & { readonly key: string };

/**
 * Makes an API key; Redis keeps a hash. A repetition under its idempotency key gets the first answer, which
 * is kept as long as the idempotency key, encrypted under the master secret: a lost answer is no lost key.
 *
 * @throws ApiError
 */
export async function createKey(
  deps: ProjectParts,
  wanted: NewKey,
  idempotency?: Idempotency,
): Promise<{ readonly made: MadeKey; readonly replayed: boolean }> {
  const project = isId("prj", wanted.project)
    ? await projectOf(deps, wanted.project)
    : await createProject(deps, wanted.project);
  const { id: projectId, name: projectName } = project;
  const createdAt = deps.clock();
  const id = makeId("key", createdAt, 0, crypto.getRandomValues(new Uint8Array(8)));
  const secret = crypto.getRandomValues(new Uint8Array(24));
  const expiresAt = wanted.expiresIn === undefined ? 0 : createdAt + wanted.expiresIn;
  const made = {
    id,
    key: await deps.keyring.issueApiKey(projectId, idBytes(id), secret),
    project: { id: projectId, name: projectName },
    scopes: wanted.scopes,
    ...(wanted.name !== undefined && { name: wanted.name }),
    createdAt,
    ...(expiresAt > 0 && { expiresAt }),
  };
  const { store, keyring } = deps;
  // Written before the first key of a generation, so that no key has an unknown generation.
  if (!generationsKept.has(store)) await keepGenerations(deps);
  generationsKept.add(store);
  const record = {
    key: hex(idBytes(id)),
    hash: hex(await deps.hashes.sha256(secret)),
    expiresAt,
    scopes: wanted.scopes,
    createdAt,
    name: wanted.name ?? "",
  };
  const binding = { purpose: "api-key", project: projectId } as const;
  const once = idempotency && {
    idempotency,
    id,
    encrypted: await keyring.encrypt(JSON.stringify(made), binding),
  };
  const answer = await store.putKey(projectId, record, once);
  if (answer.kind === "reused") throw reused();
  if (answer.kind === "granted") return { made, replayed: false };
  return { made: JSON.parse(await keyring.decrypt(answer.encrypted, binding)) as MadeKey, replayed: true };
}

/** A page of the project's keys, about 1,000, without their texts; those of a page oldest first. @throws ApiError */
export async function listKeys(
  deps: ProjectParts,
  project: string,
  cursor?: string,
): Promise<AdminPage<ApiKeyView>> {
  const at = checked(cursor);
  const found = await projectOf(deps, project);
  const page = shown(await deps.store.listKeys(found.id, at));
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

/** The project of a key. @throws ApiError */
export async function ownerOf(deps: ProjectParts, id: string): Promise<string> {
  const key = hex(idBytes(id));
  let cursor: string | undefined;
  do {
    const page = await deps.store.listProjects(cursor);
    const projects = page.data.map((project) => project.id);
    for (let from = 0; from < projects.length; from += OWNERS) {
      const owner = await deps.store.ownerOf(projects.slice(from, from + OWNERS), key);
      if (owner !== undefined) return owner;
    }
    cursor = page.next;
  } while (cursor !== undefined);
  throw new ApiError("not-found", `There is no key "${id}".`);
}

/** Projects that one Redis request searches for a key. */
const OWNERS = 500;

/** Revokes a key, from its next request on. @throws ApiError */
export async function deleteKey(deps: ProjectParts, project: string, id: string): Promise<void> {
  const found = await projectOf(deps, project);
  const dropped =
    isId("key", id) && (await deps.store.dropKey(found.id, hex(idBytes(id)), crypto.randomUUID()));
  if (!dropped) throw new ApiError("not-found", `Project "${found.name}" has no key "${id}".`);
}

async function projectOf(deps: ProjectParts, project: string): Promise<Project> {
  const found = await deps.store.findProject(project);
  if (!found) throw new ApiError("not-found", `There is no project "${project}".`);
  return found;
}
