import { Redis } from "@upstash/redis/cloudflare";
import type { StoredForm } from "../../ports/commands/config.ts";
import type { Store } from "../../ports/store.ts";
import type { DeliveryReadStore } from "../../ports/stores/delivery-store.ts";
import type { FiguresStore } from "../../ports/stores/figures-store.ts";
import type {
  ApiKeyStore,
  ConfigStore,
  ProjectStore,
  RotationStore,
} from "../../ports/stores/project-store.ts";
import type { NewestTaskStore, TaskReadStore } from "../../ports/stores/task-store.ts";
import type { Hashes } from "../../shared/hashes.ts";
import { DEFAULT_RETENTION, type Retention } from "../../tasks/retention.ts";
import { completeBatch, openBatch, settleBatch } from "./batches/batches.ts";
import { purgeKeys, takeChores } from "./chores.ts";
import type { Context } from "./context.ts";
import { listDeadLetters } from "./deliveries/dead-letters.ts";
import { leaseDelivery, putOff } from "./deliveries/deliver.ts";
import { record } from "./deliveries/record.ts";
import { redeliver, redeliverAll } from "./deliveries/redeliver.ts";
import { noteProbe, probe } from "./doctor.ts";
import { createHint } from "./due-hint.ts";
import { readFigures, readHours } from "./figures/figures.ts";
import { oldestWaiting, openTasks } from "./figures/open-tasks.ts";
import type { Payloads } from "./payloads.ts";
import { ping } from "./ping.ts";
import { dropKey, listKeys, ownerOf, putKey } from "./projects/api-keys.ts";
import { configure } from "./projects/configure.ts";
import { findEncrypted, generations, reEncryptionState } from "./projects/encrypted.ts";
import { KeptConfigs } from "./projects/kept-configs.ts";
import { findProject, initProject, limitProject, listProjects, nameProject } from "./projects/projects.ts";
import { createBatchRunner, createRunner, createScanner } from "./script.ts";
import { sharedRequests, singleRequests } from "./shared-requests.ts";
import { given, peekDue, reconcile } from "./sweep.ts";
import { accept, acceptAll } from "./tasks/accept.ts";
import { claim, renew } from "./tasks/claim.ts";
import { deleteTask, erasePart, isErasing } from "./tasks/delete.ts";
import { end, endAll } from "./tasks/end.ts";
import { listTasks, newestTasks } from "./tasks/list.ts";
import { parkedTasks, resumed, unpark } from "./tasks/pause.ts";
import {
  authorize,
  readBatch,
  readBody,
  readConfig,
  readDeliveries,
  readHealth,
  readTask,
  readTasks,
} from "./tasks/read.ts";
import { recordCall, recordPoll } from "./tasks/record-call.ts";
import { replay, replayAll } from "./tasks/replay.ts";
import { announce, report } from "./tasks/report.ts";
import { follow, watch } from "./tasks/watch.ts";
import { readVersion } from "./version.ts";

export interface StoreOptions {
  readonly payloads: Payloads;
  readonly hashes: Hashes;
  readonly url: string;
  readonly token: string;
  /** How long ended things are kept; the default unless set. */
  readonly retention?: Retention;
  /** Milliseconds added to Redis's clock, so that tests can travel; 0 unless set. */
  readonly offset?: number;
  readonly clock?: () => number;
  /** Scripts of concurrent callers share requests; each has its own unless set. */
  readonly sharesRequests?: boolean | undefined;
}

/** How long a client's request waits for Redis, repeats included; and how long a worker's does. */
const QUICK_TIMEOUT = 5_000;
const WORKER_TIMEOUT = 15_000;

/** The store over Upstash Redis's REST API. */
export function createStore(options: StoreOptions): Store {
  const quick = connect(options, 1, QUICK_TIMEOUT);
  const worker = connect(options, 3, WORKER_TIMEOUT);
  // Until the version was asked for, nothing tells that no older gateway is at work.
  let form: StoredForm | undefined;
  const context = contextOf(options, quick, worker, () => !form?.bound);
  const hint = createHint(worker, context);
  return {
    authorize: (caller, scope) => authorize(context, caller, scope),
    accept: (command) => accept(context, command),
    claim: (command) => claim(context, command),
    renew: (command) => renew(context, command),
    end: (command) => end(context, command),
    endAll: (commands) => endAll(context, commands),
    leaseDelivery: (command) => leaseDelivery(context, command),
    putOff: (command) => putOff(context, command),
    record: (command) => record(context, command),
    redeliver: (command) => redeliver(context, command),
    redeliverAll: (commands) => redeliverAll(context, commands),
    listDeadLetters: (query) => listDeadLetters(context, query),
    readHealth: (project, endpoints) => readHealth(context, project, endpoints),
    replay: (command) => replay(context, command),
    replayAll: (commands) => replayAll(context, commands),
    deleteTask: (command) => deleteTask(context, command),
    erasePart: (project, task) => erasePart(context, project, task),
    takeChores: (partition) => takeChores(context, partition),
    purgeKeys: (project, most) => purgeKeys(context, project, most),
    report: (command) => report(context, command),
    announce: (command) => announce(context, command),
    recordCall: (command) => recordCall(context, command),
    recordPoll: (command) => recordPoll(context, command),
    acceptAll: (commands) => acceptAll(context, commands),
    watch: (caller, id, length) => watch(context, caller, id, length),
    follow: (project, id, follower) => follow(options, project, id, follower),
    peekDue: (partition) => peekDue(context, partition),
    reconcile: (partition, members, nonce, most) => reconcile(context, partition, members, nonce, most),
    given: (messages) => given(context, messages),
    seemDue: (partitions) => hint.seemDue(partitions),
    swept: () => hint.swept(),
    ...readsIn(context),
    ...projectsIn(context),
    ...figuresIn(context),
    version: async () => {
      form = await readVersion(context);
      return form;
    },
    probe: (nonce, every) => probe(context, nonce, every),
    noteProbe: (nonce, field, value) => noteProbe(context, nonce, field, value),
    ...steeringIn(context),
    ping: () => ping(context),
  };
}

function contextOf(options: StoreOptions, quick: Redis, worker: Redis, filesByDay: () => boolean): Context {
  const evaluator = options.sharesRequests ? sharedRequests : singleRequests;
  const evaluate = evaluator(quick);
  return {
    quick: createRunner(quick, true, evaluate),
    adding: createRunner(quick, false, evaluate),
    many: createBatchRunner(quick),
    worker: createRunner(worker, true, evaluator(worker)),
    scan: createScanner(worker),
    hashes: options.hashes,
    payloads: options.payloads,
    configs: new KeptConfigs(),
    retention: options.retention ?? DEFAULT_RETENTION,
    offset: options.offset ?? 0,
    clock: options.clock ?? Date.now,
    filesByDay,
  };
}

function readsIn(context: Context): TaskReadStore & NewestTaskStore & DeliveryReadStore {
  return {
    readTask: (caller, id, include) => readTask(context, caller, id, include),
    readTasks: (caller, ids) => readTasks(context, caller, ids),
    listTasks: (caller, before, limit, filter) => listTasks(context, caller, before, limit, filter),
    newestTasks: (project, most) => newestTasks(context, project, most),
    isErasing: (project, task) => isErasing(context, project, task),
    readDeliveries: (caller, ids) => readDeliveries(context, caller, ids),
    readBody: (project, event, format) => readBody(context, project, event, format),
  };
}

function figuresIn(context: Context): FiguresStore {
  return {
    readFigures: (projects) => readFigures(context, projects),
    readHours: (projects, span) => readHours(context, projects, span),
    openTasks: (partition, project) => openTasks(context, partition, project),
    oldestWaiting: (project) => oldestWaiting(context, project),
  };
}

function projectsIn(context: Context): ConfigStore & ProjectStore & ApiKeyStore & RotationStore {
  return {
    readConfig: (caller, scope, idempotency) => readConfig(context, caller, scope, idempotency),
    configure: (command) => configure(context, command),
    nameProject: (name, fresh) => nameProject(context, name, fresh),
    listProjects: (cursor) => listProjects(context, cursor),
    findProject: (wanted) => findProject(context, wanted),
    ownerOf: (projects, key) => ownerOf(context, projects, key),
    initProject: (project, name, config) => initProject(context, project, name, config),
    putKey: (project, key, once) => putKey(context, project, key, once),
    limitProject: (project, limits, nonce) => limitProject(context, project, limits, nonce),
    dropKey: (project, key, nonce) => dropKey(context, project, key, nonce),
    listKeys: (project, cursor) => listKeys(context, project, cursor),
    generations: (changes) => generations(context, changes),
    reEncryptionState: (text) => reEncryptionState(context, text),
    findEncrypted: (cursor, generation) => findEncrypted(context, cursor, generation),
  };
}

/**
 * The SDK's defaults would parse JSON in replies, batch commands of other requests and send telemetry; a static
 * signal that times out would even answer null, hence the function (one signal covers all repeats).
 */
function connect({ url, token }: StoreOptions, retries: number, timeout?: number): Redis {
  return new Redis({
    url,
    token,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    responseEncoding: false, // all that we keep is JSON or ASCII: base64 would only cost time, string by string
    enableTelemetry: false,
    retry: { retries },
    ...(timeout !== undefined && { signal: () => AbortSignal.timeout(timeout) }),
  });
}

/** The methods for paused projects and for batches. */
function steeringIn(
  context: Context,
): Pick<
  Store,
  "parkedTasks" | "unpark" | "resumed" | "openBatch" | "settleBatch" | "completeBatch" | "readBatch"
> {
  return {
    parkedTasks: (project, after) => parkedTasks(context, project, after),
    unpark: (project, tasks) => unpark(context, project, tasks),
    resumed: (project, more) => resumed(context, project, more),
    openBatch: (command) => openBatch(context, command),
    settleBatch: (command) => settleBatch(context, command),
    completeBatch: (command) => completeBatch(context, command),
    readBatch: (caller, id) => readBatch(context, caller, id),
  };
}
