import type { IncomingMessage, ServerResponse } from "node:http";
import { badRequest, overLimit } from "./errors.ts";
import type { HeaderPairs } from "./headers.ts";
import { toPairs } from "./headers.ts";

/** A request as the routes see it. */
export interface ApiRequest {
  readonly method: string;
  /** The path as it was sent: a destination in it must stay as it is. */
  readonly path: string;
  readonly rawQuery: string;
  readonly query: URLSearchParams;
  readonly headers: HeaderPairs;
  readonly callerIP: string;
  readonly body: Buffer;
}

/** An answer: JSON, or nothing where there is no `json`. */
export interface ApiResponse {
  readonly status: number;
  readonly json?: unknown;
}

/** Reads a request to its end; a body over `limit` bytes is refused with 412. */
export async function readRequest(request: IncomingMessage, limit: number): Promise<ApiRequest> {
  const target = request.url ?? "/";
  const mark = target.indexOf("?");
  const rawQuery = mark < 0 ? "" : target.slice(mark + 1);
  return {
    method: request.method ?? "GET",
    path: mark < 0 ? target : target.slice(0, mark),
    rawQuery,
    query: new URLSearchParams(rawQuery),
    headers: toPairs(request.rawHeaders),
    callerIP: (request.socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
    body: await readBody(request, limit),
  };
}

async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    // Read on and forget: an answer in the middle of an upload reaches few clients.
    if (size <= limit) chunks.push(chunk);
  }
  if (size > limit) throw overLimit(`maximum request size exceeded: ${limit} bytes`);
  return Buffer.concat(chunks);
}

export function writeResponse(response: ServerResponse, { status, json }: ApiResponse): void {
  const text = json === undefined ? "" : JSON.stringify(json);
  response.writeHead(status, {
    "Content-Length": Buffer.byteLength(text),
    ...(json === undefined ? {} : { "Content-Type": "application/json" }),
  });
  response.end(text);
}

/** The body as JSON of the shape that `check` accepts. */
export function readJson<T>(body: Buffer, check: (value: unknown) => value is T, shape: string): T {
  const value = parseJson(body.toString("utf8"));
  if (value === NOT_JSON) throw badRequest("request body is not valid JSON");
  if (!check(value)) throw badRequest(`request body must be ${shape}`);
  return value;
}

const NOT_JSON = Symbol("not JSON");

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return NOT_JSON;
    throw error;
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
