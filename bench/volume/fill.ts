import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { createPayloads } from "../../src/adapters/redis/payloads.ts";
import { createStore } from "../../src/adapters/redis/store.ts";
import { openEngine } from "../../src/local/engine/open.ts";
import { ReplyError } from "../../src/local/engine.ts";
import { startRedisServer } from "../../src/local/redis/server.ts";
import type { AcceptCommand } from "../../src/ports/commands/task.ts";
import type { Store } from "../../src/ports/store.ts";
import type { ApiKey } from "../../src/projects/principal.ts";
import { makeId } from "../../src/shared/id.ts";
import { DEFAULT_DEADLINE } from "../../src/shared/limits.ts";
import { startRedis } from "../../test/support/process.ts";

/** A redis-server of its own behind the store that the gateway uses, and projects in it. */
export interface Crowd {
  readonly store: Store;
  /** The store as it will be so many milliseconds later. */
  later(milliseconds: number): Store;
  /** Milliseconds, as the store's Redis has them. */
  now(): number;
  /** One with four fifths of the tasks, and small ones that share the rest. */
  readonly big: ApiKey;
  readonly small: readonly ApiKey[];
  info(section: string): Promise<string>;
  stop(): Promise<void>;
}

const TOKEN = "crowd-token";
const KEY = "0123456789abcdef0123456789abcdef";
const HASH = "ab".repeat(32);
const SMALL_PROJECTS = 20;
export const SEARCHABLE = "customer";

const HOUR = 3_600_000;

/** The hour is five minutes old when a crowd is opened: tasks are filed by the hour, and all of them shall lie in one. */
const AGE = 5 * 60_000;

export async function openCrowd(): Promise<Crowd> {
  const server = await startRedis();
  const engine = await openEngine(server.url);
  const rest = await startRedisServer({ engine, port: 0, token: TOKEN });
  const offset = AGE - (Date.now() % HOUR);
  const payloads = createPayloads(createKeyring(webCrypto, "the crowd's master secret, for a bench"), false);
  const storeAt = (milliseconds: number) =>
    createStore({ url: rest.url, token: TOKEN, hashes: webCrypto, payloads, offset: offset + milliseconds });
  const store = storeAt(0);
  const callers: ApiKey[] = [];
  for (let n = 0; n <= SMALL_PROJECTS; n++) callers.push(await project(store, `project ${n}`));
  const [big, ...small] = callers;
  if (!big) throw new Error("there is no project");
  return {
    store,
    later: storeAt,
    now: () => Date.now() + offset,
    big,
    small,
    info: async (section) => {
      const reply = await engine.call(["INFO", section]);
      if (reply instanceof ReplyError) throw new Error(reply.message);
      return String(reply);
    },
    stop: async () => {
      await rest.close();
      await engine.close();
      await server.stop();
    },
  };
}

async function project(store: Store, name: string): Promise<ApiKey> {
  const id = makeId("prj", Date.now(), 0, random());
  await store.initProject(id, name, JSON.stringify({ signing: [] }));
  await store.putKey(id, {
    key: KEY,
    hash: HASH,
    expiresAt: 0,
    scopes: ["admin"],
    createdAt: Date.now(),
    name: "the crowd's",
  });
  await store.limitProject(id, { searchable: [SEARCHABLE] }, crypto.randomUUID());
  return { kind: "api-key", project: id, key: KEY, hash: HASH };
}

const random = () => crypto.getRandomValues(new Uint8Array(8));

/** Customers that the tasks of a project are spread over. */
const CUSTOMERS = 20;
export const customerOf = (n: number): string => `c-${n % CUSTOMERS}`;

/** Every fourth task is a report. */
export const REPORT = "report.generate";

/** A task as the gateway hands it to Redis: an idempotency key, one searchable pair, a callback. */
export function newTask(volume: Crowd, caller: ApiKey, n: number, delay: number): AcceptCommand {
  const hash = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
  return {
    caller,
    task: {
      id: makeId("task", volume.now(), 0, random()),
      type: n % 4 === 0 ? REPORT : "diagnostics.echo",
      maxAttempts: 4,
      input: JSON.stringify({ order: n, items: [1, 2, 3], note: "what a small task carries" }),
      metadata: { [SEARCHABLE]: customerOf(n) },
      options: { deadline: DEFAULT_DEADLINE },
      callback: { url: "https://client.example/hooks", events: ["task.succeeded", "task.failed"] },
      start: { kind: "delay", delay },
    },
    idempotency: { hash, fingerprint: hash.slice(0, 43) },
    rateLimit: 1_000_000,
    maxOpen: 100_000_000,
  };
}

/** Tasks in one request, and requests side by side. */
const BATCH = 100;
const LANES = 4;

/** So far ahead that no sweep looks at them. */
const FAR = 2 * HOUR;

/** Accepts tasks by the gateway's own script until `count` are there: of five one in a small project, four in the big one. */
export async function fill(volume: Crowd, count: number, onProgress?: (done: number) => void): Promise<void> {
  let begun = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (begun < count) {
      const from = begun;
      begun = Math.min(count, from + BATCH);
      const commands = Array.from({ length: begun - from }, (_, index) => {
        const n = from + index;
        const caller = (n % 5 === 0 && volume.small[(n / 5) % volume.small.length]) || volume.big;
        return newTask(volume, caller, n, FAR);
      });
      const answers = await volume.store.acceptAll(commands);
      const refused = answers.find(({ kind }) => kind !== "accepted");
      if (refused) throw new Error(`accept answered ${refused.kind}`);
      done += answers.length;
      onProgress?.(done);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
