import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import * as z from "zod";
import type { Callback, Execution, Seen } from "./history.ts";
import type { Random } from "./random.ts";

const event = z.looseObject({
  type: z.string(),
  data: z.looseObject({
    id: z.string().optional(),
    project: z.string().optional(),
    status: z.string().optional(),
    run: z.int().optional(),
    sequence: z.int().optional(),
    done: z.boolean().optional(),
    metadata: z.record(z.string(), z.string()).optional(),
    challenge: z.string().optional(),
  }),
});

const said = z.looseObject({
  at: z.number(),
  on: z.string(),
  task: z.string(),
  run: z.int(),
  attempt: z.int(),
  execution: z.string(),
  phase: z.string(),
  token: z.string().optional(),
  completionUrl: z.string().optional(),
});
/** A handler's message to the witness, with the token that completes its attempt. */
export type Testimony = z.infer<typeof said>;

/** Everybody that the gateways call: the callbacks' receivers, and the witness of what handlers do. */
export class Receivers {
  readonly callbacks: Callback[] = [];
  readonly executions: Execution[] = [];
  /** By path: who is called there, and every secret that it was ever given. */
  readonly #hooks = new Map<
    string,
    { readonly project: string; target: string; readonly secrets: string[] }
  >();
  /** Called for each hand-over as it happens. */
  onTestimony: (testimony: Testimony) => void = () => undefined;
  #stored: (project: string, id: string) => Promise<Seen | undefined> = async () => undefined;
  readonly #random: Random;
  #isKind = true;
  readonly #server = createServer((request, response) => {
    this.#take(request, response).catch((error: unknown) => {
      console.error("a receiver failed:", error);
      response.destroy();
    });
  });
  url = "";

  private constructor(random: Random) {
    this.#random = random;
  }

  static async open(random: Random): Promise<Receivers> {
    const receivers = new Receivers(random);
    receivers.#server.listen(0, "127.0.0.1");
    await once(receivers.#server, "listening");
    const { port } = receivers.#server.address() as AddressInfo; // a TCP server has no other address
    receivers.url = `http://127.0.0.1:${port}`;
    return receivers;
  }

  /** The path at which somebody of a project is called. @param name unique in the project */
  hook(project: string, name: string): string {
    const path = `/hook/${project}/${name}`;
    this.#hooks.set(path, { project, target: name, secrets: [] });
    return path;
  }

  /** Verifies calls of the path with this secret, too. */
  trust(path: string, secret: string, target = "callback"): void {
    const hook = this.#hooks.get(path);
    if (!hook) throw new Error(`nobody is called at ${path}`);
    hook.target = target;
    if (!hook.secrets.includes(secret)) hook.secrets.push(secret);
  }

  /** How a task is read at the moment at which a callback reports it. */
  set stored(look: (project: string, id: string) => Promise<Seen | undefined>) {
    this.#stored = look;
  }

  /** Answers 200 to everything, or now and then something else. */
  set kind(on: boolean) {
    this.#isKind = on;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = Date.now();
    let body: string;
    try {
      body = await text(request);
    } catch {
      response.destroy(); // cut on its way: nobody got an answer
      return;
    }
    if (request.url?.startsWith("/service/")) {
      await this.#serve(at, request.headers, response);
      return;
    }
    if (request.url === "/witness") {
      this.#hear(said.parse(JSON.parse(body)));
      response.writeHead(204).end();
      return;
    }
    const told = event.parse(JSON.parse(body));
    if (told.data.challenge !== undefined) {
      response.writeHead(200).end(JSON.stringify({ challenge: told.data.challenge }));
      return;
    }
    await this.#note(at, request, body, told);
    await this.#answer(response);
  }

  /** A service of the deployment: it knows the run that it works for, and may fail as services do. */
  async #serve(at: number, headers: IncomingMessage["headers"], response: ServerResponse): Promise<void> {
    const [task = "", run = ""] = `${headers["idempotency-key"]}`.split(".");
    this.executions.push({
      ...{ at, on: "service", task, run: Number(run), attempt: 0 },
      ...{ execution: crypto.randomUUID(), phase: "called" },
    });
    if (!this.#isKind && this.#random.chance(0.2)) {
      const status = this.#random.pick([500, 503, 429, 404]);
      response.writeHead(status, status === 404 ? {} : { "retry-after": "1" }).end("not now");
      return;
    }
    await sleep(this.#random.between(0, 400));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ task, run }));
  }

  #hear(testimony: Testimony): void {
    const { at, on, task, run, attempt, execution, phase } = testimony;
    this.executions.push({ at, on, task, run, attempt, execution, phase });
    this.onTestimony(testimony);
  }

  async #note(at: number, { url = "", headers }: IncomingMessage, body: string, told: z.infer<typeof event>) {
    const hook = this.#hooks.get(url);
    if (!hook) throw new Error(`a callback to nobody, at ${url}`);
    const { type, data } = told;
    const { id, status, run, sequence, done } = data;
    if (id === undefined || status === undefined || run === undefined || sequence === undefined) {
      throw new Error(`a callback without its task: ${body}`);
    }
    const stored = await this.#stored(data.project ?? hook.project, id);
    this.callbacks.push({
      ...{ at, target: hook.target, project: hook.project, ref: data.metadata?.ref },
      ...{ id: `${headers["webhook-id"]}`, type, body, isSigned: isSigned(hook.secrets, headers, body) },
      task: { id, status, run, sequence, done: done === true },
      ...(stored && { stored }),
    });
  }

  async #answer(response: ServerResponse): Promise<void> {
    if (this.#isKind || !this.#random.chance(0.15)) {
      response.writeHead(this.#random.pick([200, 202, 204])).end();
      return;
    }
    const [status, headers] = this.#random.pick<readonly [number, Readonly<Record<string, string>>]>([
      [500, {}],
      [503, { "retry-after": "2" }],
      [429, { "retry-after": "2" }],
      [400, {}],
      [400, { "webhook-delivery": "abort-message" }],
      [200, {}],
    ]);
    if (status === 200) await sleep(this.#random.between(500, 4_500)); // it may be too late
    response.writeHead(status, headers).end("not now");
  }
}

function isSigned(secrets: readonly string[], headers: IncomingMessage["headers"], body: string): boolean {
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `${value}`]));
  return secrets.some((secret) => {
    try {
      new Webhook(secret).verify(body, given);
      return true;
    } catch {
      return false; // not by this secret
    }
  });
}
