import type {
  ApiKeyRecord,
  Denied,
  KeyOnce,
  ProjectLimits,
  PutKeyAnswer,
  ReadAnswer,
  Scope,
  StoredConfig,
} from "../../projects/caller.ts";
import type { Client, System } from "../../projects/principal.ts";
import type { Idempotency } from "../../shared/idempotency.ts";
import type { ConfigureAnswer, ConfigureCommand, KnownRequest } from "../commands/config.ts";

/** One page, and the cursor of the next; absent on the last page. */
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
  authorize(caller: Client, scope: Scope): Promise<Denied | { readonly kind: "allowed" }>;
}

/** Reads and changes a project's configuration. */
export interface ConfigStore {
  /** A project's configuration, for a caller with the scope; and the earlier request with the idempotency key. */
  readConfig(
    caller: Client | System,
    scope: Scope,
    idempotency?: Idempotency,
  ): Promise<ReadAnswer<{ config: StoredConfig; known?: KnownRequest }>>;
  /** Writes a project's configuration in place of the version that was read. */
  configure(command: ConfigureCommand): Promise<ConfigureAnswer>;
}

/** Keeps the projects. */
export interface ProjectStore {
  /** The id of the project of that name; a missing project is created with the id `fresh`. */
  nameProject(name: string, fresh: string): Promise<string>;
  /** A page of the projects, in no order. */
  listProjects(cursor?: string): Promise<StorePage<ProjectName>>;
  /** The project of that id, or of that name. */
  findProject(wanted: string): Promise<ProjectName | undefined>;
  /** Writes the first configuration of a project; an existing one stays. */
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
  /** Revokes a key; false when it does not exist. */
  dropKey(project: string, key: string, nonce: string): Promise<boolean>;
  /** A page of a project's API keys, those of a page oldest first. */
  listKeys(project: string, cursor?: string): Promise<StorePage<ApiKeyRecord>>;
  /** The first of some projects that has an API key. */
  ownerOf(projects: readonly string[], key: string): Promise<string | undefined>;
}

/** Keeps the progress of a rotation of the master secret. */
export interface RotationStore {
  /** The progress of the re-encryption under a new master secret: one text, which is written when it is given. */
  reEncryptionState(text?: string): Promise<string>;
  /**
   * The encrypted proof of the API keys of each generation of the master secret; some are written before it is read.
   */
  generations(changes?: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>>;
  /** Whether a page of all keys holds a payload that a generation of the master secret has encrypted. */
  findEncrypted(
    cursor: string,
    generation: string,
  ): Promise<{ readonly cursor: string; readonly found: boolean }>;
}
