import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Engine, type Reply, ReplyError } from "../engine.ts";
import { type Encoding, toAnswer, toResp2 } from "./encode.ts";
import { refuse } from "./refusals.ts";
import { BadRequest, type RestRequest, readRequest } from "./request.ts";
import { ScriptNames } from "./scripts.ts";
import { streamChannels } from "./subscribe.ts";

export interface RedisServerOptions {
  readonly engine: Engine;
  /** 0 takes a free one. */
  readonly port: number;
  readonly token: string;
  /** 127.0.0.1 unless given. */
  readonly host?: string;
}

export interface RedisServer {
  readonly url: string;
  readonly token: string;
  /** Stops listening and cuts open connections; the engine stays open. */
  close(): Promise<void>;
}

interface Format {
  readonly encoding: Encoding;
  readonly resp2: boolean;
}

/**
 * Serves an engine as Upstash serves a database over REST: https://upstash.com/docs/redis/features/restapi.
 *
 * @throws the listening error (`EADDRINUSE`) when the port is taken.
 */
export async function startRedisServer(options: RedisServerOptions): Promise<RedisServer> {
  const { engine, port, token, host = "127.0.0.1" } = options;
  const names = new ScriptNames();
  const server = createServer((request, response) => {
    serve(request, response, engine, names, token).catch((error: unknown) => fail(response, error));
  });
  await listen(server, port, host);
  const { port: taken } = server.address() as AddressInfo; // a TCP server has no other address
  return {
    url: `http://${host}:${taken}`,
    token,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  engine: Engine,
  names: ScriptNames,
  token: string,
): Promise<void> {
  const url = new URL(`http://stand-in${request.url ?? "/"}`);
  response.setHeader("upstash-sync-token", randomBytes(12).toString("base64url"));
  if (!isAuthorized(request, url, token))
    throw new BadRequest("WRONGPASS invalid or missing auth token", { status: 401 });
  const asked = await readRequest(request, url);
  const format = readFormat(request, asked.kind);
  if (asked.kind === "subscribe") return streamChannels(response, engine, asked.channels);
  const run = (command: string[]) => execute(command, engine, names);
  if (asked.kind === "command") return answerOne(response, format, await run(asked.command));
  if (asked.kind === "transaction") return answerTransaction(response, format, asked.commands, engine, names);
  const replies: Reply[] = [];
  for (const command of asked.commands) replies.push(await run(command));
  if (format.resp2) return send(response, 200, Buffer.concat(replies.map(toResp2)));
  send(
    response,
    200,
    replies.map((reply) => toAnswer(reply, format.encoding)),
  );
}

function isAuthorized(request: IncomingMessage, url: URL, token: string): boolean {
  const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const given = Buffer.from(bearer ?? url.searchParams.get("_token") ?? "");
  const expected = Buffer.from(token);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function readFormat(request: IncomingMessage, kind: RestRequest["kind"]): Format {
  const encoding = request.headers["upstash-encoding"] === "base64" ? "base64" : "plain";
  const resp2 = request.headers["upstash-response-format"] === "resp2";
  if (resp2 && kind === "transaction")
    throw new BadRequest("ERR resp2 format is not supported for transactions");
  if (resp2 && encoding === "base64")
    throw new BadRequest("ERR resp2 format is not supported with base64 encoding");
  return { encoding, resp2 };
}

/** Runs one command: what Upstash refuses is an error reply, scripts go under the engine's names. */
async function execute(command: string[], engine: Engine, names: ScriptNames): Promise<Reply> {
  const refusal = await refuse(command, engine);
  if (refusal) return "error" in refusal ? new ReplyError(refusal.error) : refusal.result;
  const reply = await engine.call(names.toEngine(command));
  const sha = names.loaded(command);
  return sha !== undefined && Buffer.isBuffer(reply) ? Buffer.from(sha) : reply;
}

function answerOne(response: ServerResponse, { encoding, resp2 }: Format, reply: Reply): void {
  const status = reply instanceof ReplyError ? 400 : 200;
  send(response, status, resp2 ? toResp2(reply) : toAnswer(reply, encoding));
}

async function answerTransaction(
  response: ServerResponse,
  { encoding }: Format,
  commands: readonly string[][],
  engine: Engine,
  names: ScriptNames,
): Promise<void> {
  for (const command of commands) {
    const refusal = await refuse(command, engine);
    if (refusal && "error" in refusal) return send(response, 400, refusal);
  }
  const outcome = await engine.transaction(commands.map((command) => names.toEngine(command)));
  if (outcome instanceof ReplyError) return send(response, 400, toAnswer(outcome, encoding));
  send(
    response,
    200,
    outcome.map((reply) => toAnswer(reply, encoding)),
  );
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const content = Buffer.isBuffer(body) ? body : JSON.stringify(body);
  response.writeHead(status, {
    "content-type": Buffer.isBuffer(body) ? "application/octet-stream" : "application/json",
    // With its length known the answer is one write; without, Node sends it in five pieces.
    "content-length": Buffer.byteLength(content),
  });
  response.end(content);
}

/** A refused request answers its own status; an engine that does not answer is a service that is away. */
function fail(response: ServerResponse, error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  if (response.headersSent) response.destroy();
  else if (error instanceof BadRequest) send(response, error.status, { error: why });
  else send(response, 503, { error: `ERR the engine does not answer: ${why}` });
}
