import { afterAll } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { createPayloads, type Payloads } from "../../src/adapters/redis/payloads.ts";
import { createStore } from "../../src/adapters/redis/store.ts";
import { ReplyError } from "../../src/local/engine.ts";
import type { DeleteAnswer, DeleteCommand } from "../../src/ports/commands/delete.ts";
import type { NewDelivery } from "../../src/ports/commands/delivery.ts";
import type { AcceptCommand, ClaimAnswer, EndCommand } from "../../src/ports/commands/task.ts";
import type { Cipher } from "../../src/ports/keyring.ts";
import type { Store } from "../../src/ports/store.ts";
import type { ApiKey } from "../../src/projects/principal.ts";
import { makeId } from "../../src/shared/id.ts";
import { DEFAULT_DEADLINE } from "../../src/shared/limits.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { DEFAULT_RETENTION, type Retention } from "../../src/tasks/retention.ts";
import { KINDS, type StandIn, startStandIn, TOKEN } from "../local/redis-stand-in.ts";

const random = () => crypto.getRandomValues(new Uint8Array(8));
export const HASH = "ab".repeat(32);
export const KEY = "0123456789abcdef0123456789abcdef";

/** Payloads as a deployment keeps them that does not encrypt. */
export const inTheClear = createPayloads(
  createKeyring(webCrypto, "a master secret for tests, and for nothing else"),
  false,
);

/** A store over a stand-in, its clock moved by `offset` milliseconds: how tests travel in time. */
export function storeOver(
  standIn: Pick<StandIn, "url">,
  offset = 0,
  clock: () => number = Date.now,
  payloads: Payloads = inTheClear,
  retention: Retention = DEFAULT_RETENTION,
): Store {
  return createStore({
    hashes: webCrypto,
    url: standIn.url,
    token: TOKEN,
    payloads,
    retention,
    offset,
    clock,
  });
}

/** A fresh project with one key of every scope. */
export async function freshProject(store: Store, scopes: readonly string[] = ["admin"]): Promise<ApiKey> {
  const project = makeId("prj", Date.now(), 0, random());
  await store.initProject(project, "a project", JSON.stringify({ signing: [] }));
  await store.putKey(project, {
    key: KEY,
    hash: HASH,
    expiresAt: 0,
    scopes,
    createdAt: Date.now(),
    name: "test key",
  });
  return { kind: "api-key", project, key: KEY, hash: HASH };
}

export function acceptCommand(
  caller: ApiKey,
  task: Partial<AcceptCommand["task"]> = {},
  rest: Partial<AcceptCommand> = {},
): AcceptCommand {
  return {
    caller,
    task: {
      id: makeId("task", Date.now(), 0, random()),
      type: "diagnostics.echo",
      maxAttempts: 4,
      input: '{"n":1}',
      metadata: { orderId: "o-1" },
      options: { deadline: DEFAULT_DEADLINE },
      callback: { url: "https://client.example/hooks", events: ["task.succeeded"] },
      start: { kind: "delay", delay: 0 },
      ...task,
    },
    rateLimit: 1_000,
    maxOpen: 1_000,
    ...rest,
  };
}

/** Accepts a task and returns its record. */
export async function accepted(
  store: Store,
  caller: ApiKey,
  task: Partial<AcceptCommand["task"]> = {},
): Promise<TaskRecord> {
  const answer = await store.accept(acceptCommand(caller, task));
  if (answer.kind !== "accepted") throw new Error(`accept answered ${answer.kind}`);
  return answer.record;
}

/** Claims a task's next attempt and returns what the worker holds. */
export async function claimed(
  store: Store,
  record: TaskRecord,
  lease: string = crypto.randomUUID(),
  attempt = record.attempt + 1,
) {
  const answer = await store.claim({
    project: record.project,
    task: record.id,
    run: record.run,
    attempt,
    lease,
  });
  if (answer.kind !== "claimed") throw new Error(`claim answered ${answer.kind}`);
  return { ...answer, lease } satisfies ClaimAnswer & { lease: string };
}

export function newDelivery(lease?: string): NewDelivery {
  return {
    id: makeId("del", Date.now(), 0, random()),
    taskId: makeId("task", Date.now(), 0, random()),
    eventId: makeId("evt", Date.now(), 0, random()),
    eventType: "task.succeeded",
    url: "https://client.example/hooks",
    format: "full",
    body: '{"type":"task.succeeded"}',
    ...(lease !== undefined && { lease: { id: lease, length: 20_000 } }),
  };
}

/** What a conformance test works with: a store on one engine, a project of its own, and a look behind the scripts. */
export interface Environment {
  readonly store: Store;
  readonly caller: ApiKey;
  /** The stand-in's address. */
  readonly url: string;
  /** The store with its clock moved by so many milliseconds. */
  at(offset: number): Store;
  storeAt(offset: number, clock: () => number): Store;
  /** The store with its payloads encrypted under this master secret. */
  encrypting(cipher: Cipher): Store;
  /** The store with another retention, and its clock moved by so many milliseconds. */
  keeping(retention: Retention, offset?: number): Store;
  /** A command past the REST API, its reply as text. */
  redis(...words: string[]): Promise<string | null>;
  /** The due entry's time, undefined when there is none. */
  dueOf(project: string, id: string): Promise<number | undefined>;
  /** How many of the caller's tasks are counted as open. */
  openOf(): Promise<number>;
  /** Milliseconds left of a key of the caller's project, or of another; -1 when it has no TTL. */
  ttlOf(key: string, project?: string): Promise<number>;
}

/**
 * One environment per engine. The stand-in refuses a script that touches a key outside its KEYS, as Upstash does:
 * every test that runs on it proves that too.
 */
export async function environments(): Promise<readonly (readonly [string, Environment])[]> {
  return Promise.all(KINDS.map(async (kind) => [kind, await openEnvironment(kind)] as const));
}

async function openEnvironment(kind: (typeof KINDS)[number]): Promise<Environment> {
  const standIn = await startStandIn(kind);
  afterAll(() => standIn.stop());
  const store = storeOver(standIn);
  const caller = await freshProject(store);
  const redis = async (...words: string[]) => {
    const reply = await standIn.engine.call(words);
    if (reply instanceof ReplyError) throw new Error(reply.message);
    return reply === null ? null : String(reply);
  };
  const prefix = `rb1:000:${caller.project}`;
  return {
    store,
    caller,
    url: standIn.url,
    at: (offset) => storeOver(standIn, offset),
    storeAt: (offset, clock) => storeOver(standIn, offset, clock),
    encrypting: (cipher) => storeOver(standIn, 0, Date.now, createPayloads(cipher, true)),
    keeping: (retention, offset = 0) => storeOver(standIn, offset, Date.now, inTheClear, retention),
    redis,
    dueOf: async (project, id) => {
      const score = await redis(
        "ZSCORE",
        "rb1:000:due",
        `${id.startsWith("task") ? "t" : "d"}|${project}|${id}`,
      );
      return score === null ? undefined : Number(score);
    },
    openOf: async () => Number(await redis("HGET", `${prefix}:proj`, "open")),
    ttlOf: async (key, project = caller.project) => Number(await redis("PTTL", `rb1:000:${project}:${key}`)),
  };
}

/** The words with which a lease holder ends its task well. */
export function succeeded(
  record: EndCommand["record"],
  lease: string,
  outcome: { result?: string; deliveries?: readonly ReturnType<typeof newDelivery>[] } = {},
): EndCommand {
  return {
    record,
    authority: { by: "lease", lease, attempt: record.attempt },
    outcome: { kind: "succeeded", endedAt: Date.now(), resultTtl: 3_600_000, deliveries: [], ...outcome },
    actor: "worker",
    nonce: crypto.randomUUID(),
  };
}

/** Erases a task with all its parts. */
export async function erased(store: Store, command: DeleteCommand): Promise<DeleteAnswer> {
  const answer = await store.deleteTask(command);
  const { project, id } = command.record;
  while (await store.erasePart(project, id));
  return answer;
}
