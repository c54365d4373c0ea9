import type {
  ApiKeyRecord,
  Denied,
  KeyOnce,
  ProjectLimits,
  PutKeyAnswer,
  ReadAnswer,
  Scope,
  StoredConfig,
} from "../projects/caller.ts";
import type { ApiKey, System } from "../projects/principal.ts";
import type { Idempotency } from "../shared/idempotency.ts";
import type { ConfigureAnswer, ConfigureCommand, KnownRequest } from "./config-commands.ts";

/** Part of something, and where to go on; absent: these were the last. */
export interface StorePage<Item> {
  readonly data: readonly Item[];
  readonly next?: string;
}

export interface ProjectName {
  readonly id: string;
  readonly name: string;
}

/** Checks API keys. */
export interface AuthorizationStore {
  /** Whether an API key is valid and has the scope. */
  authorize(caller: ApiKey, scope: Scope): Promise<Denied | { readonly kind: "allowed" }>;
}

/** Reads and changes a project's configuration. */
export interface ConfigStore {
  /** A project's configuration, for a caller with the scope; and what an idempotency key was used for before. */
  readConfig(
    caller: ApiKey | System,
    scope: Scope,
    idempotency?: Idempotency,
  ): Promise<ReadAnswer<{ config: StoredConfig; known?: KnownRequest }>>;
  /** Writes a project's configuration in place of the version that was read. */
  configure(command: ConfigureCommand): Promise<ConfigureAnswer>;
}

/** Keeps the projects. */
export interface ProjectStore {
  /** The id of the project of that name; `fresh` becomes it when there is none yet. */
  nameProject(name: string, fresh: string): Promise<string>;
  /** A page of the projects, in no order. */
  listProjects(cursor?: string): Promise<StorePage<ProjectName>>;
  /** The project of that id, or of that name. */
  findProject(wanted: string): Promise<ProjectName | undefined>;
  /** Writes the first configuration of a project; one that is there stays. */
  initProject(project: string, name: string, config: string): Promise<void>;
  /** Sets limits, and answers with all of them; undefined when there is no such project. */
  limitProject(
    project: string,
    limits: ProjectLimits,
    nonce: string,
  ): Promise<(ProjectLimits & { readonly name: string }) | undefined>;
}

/** Keeps the API keys. */
export interface ApiKeyStore {
  putKey(project: string, key: ApiKeyRecord, once?: KeyOnce): Promise<PutKeyAnswer>;
  /** Revokes a key; false when there is none. */
  dropKey(project: string, key: string, nonce: string): Promise<boolean>;
  /** A page of a project's API keys, those of a page oldest first. */
  listKeys(project: string, cursor?: string): Promise<StorePage<ApiKeyRecord>>;
  /** The first of some projects that has an API key. */
  ownerOf(projects: readonly string[], key: string): Promise<string | undefined>;
}

/** Keeps how far a rotation of the master secret has come. */
export interface RotationStore {
  /** How far the re-encryption under a new master secret has come: one text, which is written when it is given. */
  reEncryptionState(text?: string): Promise<string>;
  /** By generation of the master secret what proves its API keys, encrypted; some are written before it is read. */
  generations(changes?: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>>;
  /** Whether a page of all keys holds a payload that a generation of the master secret has encrypted. */
  findEncrypted(
    cursor: string,
    generation: string,
  ): Promise<{ readonly cursor: string; readonly found: boolean }>;
}
