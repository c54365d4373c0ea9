import * as z from "zod/mini";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import type { Authenticate } from "../../src/http/access/app-user.ts";
import { createApp } from "../../src/http/app.ts";
import type { Route } from "../../src/http/pipeline/route.ts";
import type { Assets } from "../../src/http/routes/pages/static.ts";
import type { AcceptCommand } from "../../src/ports/commands/task.ts";
import type { Dependencies } from "../../src/ports/dependencies.ts";
import type { SignatureVerdict } from "../../src/ports/queue.ts";
import type { Store } from "../../src/ports/store.ts";
import type { TaskReader, TaskToken } from "../../src/projects/principal.ts";
import type { Service } from "../../src/services/service.ts";
import type { Settings } from "../../src/shared/settings.ts";
import { type AnyTask, defineTask } from "../../src/task.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { createRunTimes } from "../../src/tasks/run-times.ts";
import { createImmediateStarts } from "../../src/tasks/submit/immediate-start.ts";
import { fetcherOf, queueOf, settingsOf, unexpected } from "../support/parts.ts";

/** Redis time in these tests. */
export const NOW = Date.parse("2026-11-24T09:00:00.000Z");
export const PUBLIC_URL = "https://ringback.example.com";
export const ADMIN_TOKEN = "an-admin-token-of-some-length";

const project = "prj_01kawtzq4je0a8yqh3n5v6w7x8";

/** A store of these scripts; every other one fails. */
function storeOf(scripts: Partial<Store>): Store {
  const get = (_: unknown, name: string): unknown => scripts[name as keyof Store] ?? unexpected;
  return new Proxy({}, { get }) as Store; // whatever is asked for is there
}

/** A queued task, as a store would answer it. */
export function taskRecord(changes: Partial<TaskRecord> = {}): TaskRecord {
  return {
    id: "task_01kawv0m1ne0nvxf9dkb2jc5h0",
    project,
    type: "test.echo",
    status: "queued",
    run: 1,
    sequence: 1,
    attempt: 0,
    maxAttempts: 4,
    crashes: 0,
    createdAt: NOW,
    startsAt: NOW,
    nextAt: NOW,
    deadlineAt: NOW + 86_400_000,
    metadata: {},
    options: { deadline: 86_400_000 },
    input: { placement: "inline", json: "1" },
    result: { placement: "none" },
    deliveries: [],
    pastDeliveries: [],
    progressDeliveries: [],
    sharedBodies: [],
    timeline: [],
    ...changes,
  };
}

const echo = defineTask({
  type: "test.echo",
  input: z.union([z.number(), z.object({ text: z.string() }), z.array(z.unknown())]),
  handler: ({ input }) => input,
});

const keyring = createKeyring(webCrypto, "a master secret for tests, and for nothing else");

export interface Options {
  readonly store?: Partial<Store>;
  readonly queue?: { readonly ping: () => Promise<boolean> };
  /** Settings in place of the defaults. */
  readonly settings?: Partial<Settings>;
  readonly clock?: () => number;
  readonly signed?: boolean;
  readonly assets?: Assets;
  readonly authenticate?: Authenticate;
  /** Task types next to `test.echo`. */
  readonly tasks?: readonly AnyTask[];
  readonly services?: readonly Service[];
  /** Routes in place of the gateway's own. */
  readonly routes?: readonly Route[];
}

export interface Gateway {
  /** Sends a request with the project's key, unless it brings its own `authorization`; an empty one is none. */
  send(method: string, path: string, init?: RequestInit): Promise<Response>;
  /** Submits this as JSON. */
  submit(body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** What was given to the store's `accept`. */
  readonly accepted: AcceptCommand[];
  readonly logged: unknown[];
}

/** The HTTP side over a store that accepts everything: Redis and the queue are elsewhere tested for real. */
export async function open(options: Options = {}): Promise<Gateway> {
  const accepted: AcceptCommand[] = [];
  const logged: unknown[] = [];
  const accept: Store["accept"] = (command) => {
    accepted.push(command);
    return Promise.resolve({
      kind: "accepted",
      record: taskRecord(),
      now: NOW,
      rate: { limit: 100, remaining: 99, reset: 10 },
      startsTold: false,
      paused: false,
    });
  };
  const deps: Dependencies = {
    settings: settingsOf({
      publicUrl: PUBLIC_URL,
      adminToken: ADMIN_TOKEN,
      ...options.settings,
    }),
    store: storeOf({ accept, ...options.store }),
    sign: createSign(webCrypto),
    hashes: webCrypto,
    queue: queueOf(options.queue),
    fetcher: fetcherOf(),
    keyring,
    tasks: new Map([echo, ...(options.tasks ?? [])].map((task) => [task.type, task])),
    services: new Map((options.services ?? []).map((service) => [service.name, service])),
    doctor: {
      queue: { status: unexpected, probe: unexpected, fate: unexpected, slots: unexpected },
      queueUrl: "https://qstash.example.com",
      sweepInterval: 60_000,
      resolves: false,
    },
    log: (...line) => logged.push(line),
    runTimes: createRunTimes(),
    immediate: createImmediateStarts(options.clock ?? (() => NOW)),
    random: () => 0.5,
    clock: options.clock ?? (() => NOW),
  };
  const verifySignature = () =>
    Promise.resolve<SignatureVerdict>(
      options.signed ? { valid: true } : { valid: false, reason: "no-signature" },
    );
  const app = createApp({
    deps,
    verifySignature,
    ...(options.assets && { assets: options.assets }),
    ...(options.authenticate && { authenticate: options.authenticate }),
    ...(options.routes && { routes: options.routes }),
  });
  const authorization = `Bearer ${await keyring.issueApiKey(project, new Uint8Array(16), new Uint8Array(24))}`;
  const work: Promise<unknown>[] = [];
  const context = {
    waitUntil: (one: Promise<unknown>) => work.push(one),
    passThroughOnException: () => undefined,
    props: {},
  };
  const send: Gateway["send"] = async (method, path, init = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", authorization);
    if (headers.get("authorization") === "") headers.delete("authorization");
    const answer = await app.request(path, { ...init, method, headers }, {}, context);
    await Promise.all(work.splice(0));
    return answer;
  };
  const submit: Gateway["submit"] = (body, headers = {}) =>
    send("POST", "/v1/tasks", {
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
  return { send, submit, accepted, logged };
}

/** The authorization of another API key of the project. */
export async function anotherKey(id: number): Promise<string> {
  return `Bearer ${await keyring.issueApiKey(project, new Uint8Array(16).fill(id), new Uint8Array(24))}`;
}

/** A caller with a read link's rights, sealed by the gateway's own keyring. */
export function readToken(task: string, expiresAt: number): Promise<string> {
  return keyring.issueReadToken(project, task, expiresAt);
}

/** A caller with a browser token's rights. */
export function browserToken(task: string, expiresAt: number): Promise<string> {
  return keyring.issueBrowserToken(project, task, expiresAt);
}

/** A token of one of the project's tasks. */
export function taskToken(token: Omit<TaskToken, "project">): Promise<string> {
  return keyring.issueTaskToken({ ...token, project });
}

/** Stores that know one task. */
export function knowing(record: TaskRecord): Partial<Store> {
  return {
    readTask: (caller: TaskReader, id: string) =>
      Promise.resolve(
        caller.project === record.project && id === record.id
          ? { kind: "found", now: NOW, record, deliveries: [] }
          : { kind: "missing", now: NOW },
      ),
  };
}
