import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer, json } from "node:stream/consumers";
import * as z from "zod";
import { CallbackError, verifyCallback } from "../../src/receiver/index.ts"; // for you: "ringback/receiver"
import { Conversations, endedSchema, type Message } from "./conversation.ts";
import { decide } from "./model.ts";
import { type Gateway, readEnd, useTool } from "./tools.ts";

/*
 * A chat agent over HTTP. POST /chat takes a user's message and answers at once. Work of minutes is a task of the
 * gateway: its progress and its end arrive at POST /hooks, and the conversation goes on by itself.
 */

const env = z
  .object({
    PORT: z.coerce.number().default(2620),
    GATEWAY_URL: z.url(),
    GATEWAY_KEY: z.string(),
    /** Where the gateway reaches this agent; in a deployment a public https address. */
    HOOKS_URL: z.url().optional(),
    /** When to read a task whose callback has not come: longer than the job usually takes. */
    READ_AFTER_SECONDS: z.coerce.number().positive().default(240),
    CONVERSATIONS: z.string().default("conversations.jsonl"),
  })
  .parse(process.env);
const own = `http://127.0.0.1:${env.PORT}`;
const hooks = env.HOOKS_URL ?? `${own}/hooks`;
const gateway: Gateway = { url: env.GATEWAY_URL, key: env.GATEWAY_KEY, hooks };
const conversations = new Conversations(env.CONVERSATIONS);
const secret = await signingSecret();

/** Those that watch a conversation, by its id. */
const watchers = new Map<string, Set<ServerResponse>>();
/** The turn under way of each conversation: the next one waits for it. */
const turns = new Map<string, Promise<void>>();

async function signingSecret(): Promise<string> {
  const headers = { authorization: `Bearer ${env.GATEWAY_KEY}` };
  const response = await fetch(`${env.GATEWAY_URL}/v1/signing-secret`, { headers });
  return z.object({ secret: z.string() }).parse(await response.json()).secret;
}

function keep(conversation: string, message: Message): boolean {
  const isNew = conversations.add(conversation, message);
  if (isNew && message.role === "assistant") show(conversation, "message", message);
  return isNew;
}

/** Sends something to everybody who watches the conversation. */
function show(conversation: string, event: string, data: unknown): void {
  const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  for (const watcher of watchers.get(conversation) ?? []) watcher.write(text);
}

/** Lets the model decide and use tools until it has said something. It goes on where a killed agent has stopped. */
async function goOn(conversation: string): Promise<void> {
  for (;;) {
    const messages = conversations.messages(conversation);
    const last = messages.at(-1);
    if (last === undefined || last.role === "assistant") return;
    if (last.role === "call") {
      const started = conversations.started(conversation);
      const answer = await useTool(gateway, conversation, last.call, started);
      keep(conversation, { role: "tool", call: last.call.id, answer });
      for (const task of conversations.started(conversation).slice(started.length))
        readLater(conversation, task);
      continue;
    }
    const decision = decide(messages);
    if (decision.kind === "say") keep(conversation, { role: "assistant", text: decision.text });
    else {
      const { tool, input } = decision;
      keep(conversation, { role: "call", call: { id: randomUUID(), tool, input: { ...input } } });
    }
  }
}

/** The callback may not reach this agent: after a while the task is read, again and again until it has ended. */
function readLater(conversation: string, task: string): void {
  const read = async (): Promise<void> => {
    if (conversations.hasEnded(conversation, task)) return;
    const ended = await readEnd(gateway, task);
    if (ended) await takeTurn(conversation, { role: "ended", task: ended });
    else readLater(conversation, task);
  };
  setTimeout(() => {
    read().catch((error: unknown) => {
      console.error(error);
      readLater(conversation, task);
    });
  }, env.READ_AFTER_SECONDS * 1_000);
}

/** One turn after the other: a callback that arrives in the middle of a turn waits for its end. */
function takeTurn(conversation: string, message?: Message): Promise<void> {
  const turn = (turns.get(conversation) ?? Promise.resolve()).then(() => {
    if (message === undefined || keep(conversation, message)) return goOn(conversation);
    return undefined;
  });
  turns.set(
    conversation,
    turn.catch((error: unknown) => console.error(error)),
  );
  return turn;
}

const chatSchema = z.object({ conversation: z.uuid().optional(), text: z.string().min(1).max(2_000) });

async function chat(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asked = chatSchema.safeParse(await json(request).catch(() => undefined));
  if (!asked.success) return answer(response, 400, { error: z.prettifyError(asked.error) });
  const { conversation = randomUUID(), text } = asked.data;
  await takeTurn(conversation, { role: "user", text });
  const said = conversations.messages(conversation).findLast(({ role }) => role === "assistant");
  return answer(response, 200, { conversation, reply: said?.role === "assistant" ? said.text : "" });
}

/** Takes a callback of the gateway: shows progress, and goes on with the conversation when the task has ended. */
async function hook(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const event = await verifyCallback({ headers: request.headers, body: await buffer(request) }, secret);
  const task = z
    .object({ metadata: z.object({ conversation: z.uuid() }), done: z.boolean() })
    .loose()
    .safeParse(event.data);
  if (!task.success) return answer(response, 204); // not about a task of a conversation
  const { conversation } = task.data.metadata;
  if (event.type === "task.progress") show(conversation, "progress", task.data["progress"]);
  if (task.data.done) await takeTurn(conversation, { role: "ended", task: endedSchema.parse(event.data) });
  return answer(response, 204);
}

/** Sends what is said from now on, and progress, until the watcher goes away. */
function watch(conversation: string, response: ServerResponse): void {
  const all = watchers.get(conversation) ?? new Set();
  watchers.set(conversation, all.add(response));
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(": open\n\n");
  response.once("close", () => all.delete(response));
}

function answer(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", own);
  const [, id, events] = /^\/conversations\/([\w-]{36})(\/events)?$/.exec(pathname) ?? [];
  if (request.method === "POST" && pathname === "/chat") return chat(request, response);
  if (request.method === "POST" && pathname === "/hooks") return hook(request, response);
  if (request.method === "GET" && id !== undefined && events !== undefined) return watch(id, response);
  if (request.method === "GET" && id !== undefined) return answer(response, 200, conversations.messages(id));
  return answer(response, 404, { error: "not here" });
}

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => {
    if (error instanceof CallbackError) return answer(response, error.status, { error: error.code });
    console.error(error);
    return answer(response, 500, { error: "internal" }); // the gateway repeats its callback
  });
});
server.listen(env.PORT, "127.0.0.1", () => {
  console.log(`agent on ${own}`);
  for (const conversation of conversations.ids()) {
    for (const task of conversations.started(conversation)) readLater(conversation, task);
    void takeTurn(conversation).catch(() => undefined);
  }
});
