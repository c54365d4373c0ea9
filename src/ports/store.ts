import type { ProbeNote, ProbeState } from "../doctor/ports.ts";
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
import type { ApiKey, System, TaskReader } from "../projects/principal.ts";
import type { Idempotency } from "../shared/idempotency.ts";
import type { DeliveryRecord, TaskRecord } from "../tasks/record.ts";
import type { ConfigureAnswer, ConfigureCommand, KnownRequest, StoredForm } from "./config-commands.ts";
import type { DeleteAnswer, DeleteCommand } from "./delete-commands.ts";
import type {
  BeginCommand,
  DeadLettersAnswer,
  DeadLettersQuery,
  EndpointHealth,
  LeaseDeliveryAnswer,
  RecordAnswer,
  RecordCommand,
  RedeliverAnswer,
  RedeliverCommand,
} from "./delivery-commands.ts";
import type { ListAnswer, TaskFilter, TaskParts, TaskPosition } from "./list-commands.ts";
import type { Chore, DueAction, GivenMessage } from "./sweep-commands.ts";
import type {
  AcceptAnswer,
  AcceptCommand,
  AnnounceAnswer,
  AnnounceCommand,
  ClaimAnswer,
  ClaimCommand,
  EndAnswer,
  EndCommand,
  Follower,
  Following,
  RecordCallAnswer,
  RecordCallCommand,
  RecordPollCommand,
  RenewAnswer,
  RenewCommand,
  ReplayAnswer,
  ReplayCommand,
  ReportAnswer,
  ReportCommand,
} from "./task-commands.ts";

/** Part of something, and where to go on; absent: these were the last. */
export interface StorePage<Item> {
  readonly data: readonly Item[];
  readonly next?: string;
}

export interface ProjectName {
  readonly id: string;
  readonly name: string;
}

/** What the gateway keeps in Redis: one script per state change. Every call may throw StoreUnavailable. */
export interface Store {
  /** Whether an API key is valid and has the scope. */
  authorize(caller: ApiKey, scope: Scope): Promise<Denied | { readonly kind: "allowed" }>;
  accept(command: AcceptCommand): Promise<AcceptAnswer>;
  claim(command: ClaimCommand): Promise<ClaimAnswer>;
  renew(command: RenewCommand): Promise<RenewAnswer>;
  end(command: EndCommand): Promise<EndAnswer>;
  leaseDelivery(command: BeginCommand): Promise<LeaseDeliveryAnswer>;
  /**
   * Gives a leased attempt back, which uses up none: milliseconds until it is due again; undefined when it has waited for
   * its endpoint's verification long enough.
   */
  putOff(command: Omit<BeginCommand, "length" | "place">): Promise<number | undefined>;
  record(command: RecordCommand): Promise<RecordAnswer>;
  redeliver(command: RedeliverCommand): Promise<RedeliverAnswer>;
  /** Sends many again in one Redis request. */
  redeliverAll(commands: readonly RedeliverCommand[]): Promise<readonly RedeliverAnswer[]>;
  readHealth(
    project: string,
    endpoint: { readonly id: string; readonly url: string },
  ): Promise<EndpointHealth>;
  /** An endpoint's dead letters, oldest first. */
  listDeadLetters(query: DeadLettersQuery): Promise<DeadLettersAnswer>;
  replay(command: ReplayCommand): Promise<ReplayAnswer>;
  /** Hides a task, whose parts are then erased one after the other. */
  deleteTask(command: DeleteCommand): Promise<DeleteAnswer>;
  /** Erases the next part of what a hidden task has left; true when there is more. */
  erasePart(project: string, task: string): Promise<boolean>;
  /** Whether a task is hidden, and not all of its parts are erased yet. */
  isErasing(project: string, task: string): Promise<boolean>;
  /** What has to be cleared away in a partition, at most 10 chores; they come up again unless they are done. */
  takeChores(partition: number): Promise<readonly Chore[]>;
  /** Looks over some of a project's API keys and removes at most so many that have expired; says how many it did. */
  purgeKeys(project: string, most: number): Promise<number>;
  report(command: ReportCommand): Promise<ReportAnswer>;
  /** Opens the delivery of an event that does not change the task; one of progress (`once`) takes the place of the one before. */
  announce(command: AnnounceCommand): Promise<AnnounceAnswer>;
  /** The queue calls a service for this attempt: it has begun. */
  recordCall(command: RecordCallCommand): Promise<RecordCallAnswer>;
  /** Whether this poll is the one to send. */
  recordPoll(command: RecordPollCommand): Promise<boolean>;
  /** Accepts many in one Redis request, each on its own, in order. */
  acceptAll(commands: readonly AcceptCommand[]): Promise<readonly AcceptAnswer[]>;
  /** Reads a task and has its changes told for so many milliseconds. */
  watch(caller: TaskReader, id: string, length: number): Promise<ReadAnswer<{ record: TaskRecord }>>;
  /** Listens for changes of a watched task until it is closed or lost; never throws. */
  follow(project: string, id: string, follower: Follower): Following;
  /** Partitions, of the first so many, that seem to have something due: by the edge's clock, so it is a hint alone. */
  seemDue(partitions: number): Promise<readonly number[]>;
  /** Members of a partition's due set whose time has come, at most 100. */
  peekDue(partition: number): Promise<readonly string[]>;
  /**
   * What has to be done for each member that is still due, in their order; puts off the next look.
   *
   * @param most entries that may cost requests of their own; those beyond stay due
   */
  reconcile(
    partition: number,
    members: readonly string[],
    nonce: string,
    most?: number,
  ): Promise<readonly DueAction[]>;
  /** Notes the messages that the queue was given. */
  given(messages: readonly GivenMessage[]): Promise<void>;
  /** Notes that a sweep was made. */
  swept(): Promise<void>;
  readTask(
    caller: TaskReader,
    id: string,
    include?: TaskParts,
  ): Promise<ReadAnswer<{ record: TaskRecord; deliveries: readonly DeliveryRecord[] }>>;
  readTasks(
    caller: ApiKey | System,
    ids: readonly string[],
  ): Promise<
    Denied | { readonly kind: "found"; readonly now: number; readonly records: readonly TaskRecord[] }
  >;
  listTasks(
    caller: ApiKey,
    before: TaskPosition | undefined,
    limit: number,
    filter?: TaskFilter,
  ): Promise<ListAnswer>;
  readDeliveries(
    caller: ApiKey | System,
    ids: readonly string[],
  ): Promise<
    Denied | { readonly kind: "found"; readonly now: number; readonly records: readonly DeliveryRecord[] }
  >;
  /** The frozen body that the deliveries of an event share, in one format; undefined when it is no longer kept. */
  readBody(project: string, event: string, format: string): Promise<string | undefined>;
  /** A project's configuration, for a caller with the scope; and what an idempotency key was used for before. */
  readConfig(
    caller: ApiKey | System,
    scope: Scope,
    idempotency?: Idempotency,
  ): Promise<ReadAnswer<{ config: StoredConfig; known?: KnownRequest }>>;
  /** Writes a project's configuration in place of the version that was read. */
  configure(command: ConfigureCommand): Promise<ConfigureAnswer>;
  /** The id of the project of that name; `fresh` becomes it when there is none yet. */
  nameProject(name: string, fresh: string): Promise<string>;
  /** A page of the projects, in no order. */
  listProjects(cursor?: string): Promise<StorePage<ProjectName>>;
  /** The project of that id, or of that name. */
  findProject(wanted: string): Promise<ProjectName | undefined>;
  /** The first of some projects that has an API key. */
  ownerOf(projects: readonly string[], key: string): Promise<string | undefined>;
  /** Writes the first configuration of a project; one that is there stays. */
  initProject(project: string, name: string, config: string): Promise<void>;
  putKey(project: string, key: ApiKeyRecord, once?: KeyOnce): Promise<PutKeyAnswer>;
  /** Sets limits, and answers with all of them; undefined when there is no such project. */
  limitProject(
    project: string,
    limits: ProjectLimits,
    nonce: string,
  ): Promise<(ProjectLimits & { readonly name: string }) | undefined>;
  /** Revokes a key; false when there is none. */
  dropKey(project: string, key: string, nonce: string): Promise<boolean>;
  /** How far the re-encryption under a new master secret has come: one text, which is written when it is given. */
  reEncryptionState(text?: string): Promise<string>;
  /** By generation of the master secret what proves its API keys, encrypted; some are written before it is read. */
  generations(changes?: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>>;
  /** Whether a page of all keys holds a payload that a generation of the master secret has encrypted. */
  findEncrypted(
    cursor: string,
    generation: string,
  ): Promise<{ readonly cursor: string; readonly found: boolean }>;
  /** A page of a project's API keys, those of a page oldest first. */
  listKeys(project: string, cursor?: string): Promise<StorePage<ApiKeyRecord>>;
  /** The version of what Redis holds, and the form of what is encrypted. */
  version(): Promise<StoredForm>;
  /** Begins a probe of the queue, unless one was begun less than `every` milliseconds ago; an empty nonce only reads. */
  probe(nonce: string, every: number): Promise<ProbeState>;
  /** Notes something of the last probe, once; of an earlier one nothing. */
  noteProbe(nonce: string, field: ProbeNote, value: string): Promise<void>;
  /** Whether Redis runs scripts, what time it has, and when the last sweep was made, in milliseconds. */
  ping(): Promise<{ readonly ok: boolean; readonly now?: number; readonly sweptAt?: number }>;
}
