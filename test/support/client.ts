import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import {
  type Delivery,
  delivery,
  deliveryWithAttempts,
  type Problem,
  page,
  problem,
  signingSecret,
  type Task,
  task,
  timelineItem,
} from "./contract.ts";
import { note } from "./openapi.ts";

/** Tries again until the check no longer throws; its last error is thrown after `timeoutMs` (15 s). */
export async function eventually<Value>(
  check: () => Value | Promise<Value>,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<Value> {
  const end = performance.now() + (options.timeoutMs ?? 15_000);
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() >= end) throw error;
      await sleep(options.everyMs ?? 50);
    }
  }
}

/** An answer of the gateway, its body read. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  json(): unknown;
  /** The body as a problem, after checking that it is served as one and speaks of this very answer. */
  problem(): Problem;
}

export interface Request {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client of one project. */
export class Client {
  readonly url: string;
  /** The `Authorization` that it sends; empty when it has no key. */
  readonly authorization: string;

  constructor(gateway: { readonly url: string }, apiKey?: string) {
    this.url = gateway.url;
    this.authorization = apiKey === undefined ? "" : `Bearer ${apiKey}`;
  }

  /** Sends a request; `body` goes as JSON, a string or bytes as they are. */
  async send(method: string, path: string, request: Request = {}): Promise<Reply> {
    const headers = new Headers();
    if (this.authorization) headers.set("authorization", this.authorization);
    let body: string | Uint8Array<ArrayBuffer> | undefined;
    if (request.body instanceof Uint8Array) body = new Uint8Array(request.body);
    else if (typeof request.body === "string") body = request.body;
    else if (request.body !== undefined) body = JSON.stringify(request.body);
    if (body !== undefined) headers.set("content-type", "application/json");
    for (const [name, value] of Object.entries(request.headers ?? {})) headers.set(name, value);
    const init: RequestInit = { method, headers, redirect: "manual" };
    if (body !== undefined) init.body = body;
    const response = await fetch(new URL(path, this.url), init);
    const text = await response.text();
    await note(method, path, response.status);
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: () => JSON.parse(text),
      problem: () => readProblem(response, text),
    };
  }

  /** Submits a task that must be accepted. */
  async submit(body: Readonly<Record<string, unknown>>, headers?: Record<string, string>): Promise<Task> {
    const reply = await this.send("POST", "/v1/tasks", { body, ...(headers ? { headers } : {}) });
    return this.#parse(reply, 202, task);
  }

  async task(id: string): Promise<Task> {
    return this.#parse(await this.send("GET", `/v1/tasks/${id}`), 200, task);
  }

  /** Waits until the task is done; fails after `timeoutMs` (20 s). */
  ended(id: string, timeoutMs = 20_000): Promise<Task> {
    return eventually(
      async () => {
        const now = await this.task(id);
        if (!now.done) throw new Error(`${id} is still ${now.status}`);
        return now;
      },
      { timeoutMs, everyMs: 150 },
    );
  }

  async timeline(id: string): Promise<z.infer<typeof timelineItem>[]> {
    const reply = await this.send("GET", `/v1/tasks/${id}/events`, {
      headers: { accept: "application/json" },
    });
    return this.#parse(reply, 200, page(timelineItem)).data;
  }

  async deliveries(taskId: string): Promise<Delivery[]> {
    return this.#parse(await this.send("GET", `/v1/deliveries?taskId=${taskId}`), 200, page(delivery)).data;
  }

  async delivery(id: string): Promise<z.infer<typeof deliveryWithAttempts>> {
    return this.#parse(await this.send("GET", `/v1/deliveries/${id}`), 200, deliveryWithAttempts);
  }

  /** The task's only delivery, once it is delivered or dead. */
  settled(taskId: string, timeoutMs = 20_000): Promise<z.infer<typeof deliveryWithAttempts>> {
    return eventually(
      async () => {
        const all = await this.deliveries(taskId);
        const [only] = all;
        if (!only || all.length > 1) throw new Error(`${taskId} has ${all.length} deliveries`);
        if (only.status === "pending") throw new Error(`${only.id} is still pending`);
        return await this.delivery(only.id);
      },
      { timeoutMs, everyMs: 150 },
    );
  }

  async signingSecret(): Promise<string> {
    return this.#parse(await this.send("GET", "/v1/signing-secret"), 200, signingSecret).secret;
  }

  #parse<Shape extends z.core.$ZodType>(reply: Reply, expected: number, shape: Shape): z.infer<Shape> {
    if (reply.status !== expected) throw new Error(`${reply.status} instead of ${expected}: ${reply.text}`);
    return z.core.parse(shape, reply.json());
  }
}

function readProblem(response: Response, text: string): Problem {
  const type = response.headers.get("content-type") ?? "";
  if (!type.startsWith("application/problem+json")) throw new Error(`${response.status} as ${type}: ${text}`);
  const body = problem.parse(JSON.parse(text));
  if (body.status !== response.status)
    throw new Error(`status ${body.status} in a ${response.status} answer`);
  if (body.requestId !== response.headers.get("x-request-id"))
    throw new Error("requestId is not X-Request-Id");
  return body;
}

/** Makes a project of its own for a test, and a client that may do everything in it (or only what `scopes` say). */
export async function newProject(
  gateway: { readonly url: string; readonly adminToken: string },
  name: string,
  scopes?: readonly string[],
): Promise<Client> {
  const made = await new Client(gateway).send("POST", "/admin/keys", {
    headers: { authorization: `Bearer ${gateway.adminToken}` },
    body: { project: name, ...(scopes ? { scopes } : {}) },
  });
  if (made.status !== 201) throw new Error(`no key for ${name}: ${made.status} ${made.text}`);
  return new Client(gateway, z.object({ key: z.string().startsWith("rb_") }).parse(made.json()).key);
}
