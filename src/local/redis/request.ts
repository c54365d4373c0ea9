import type { IncomingMessage } from "node:http";
import { exceeded, LIMITS } from "./refusals.ts";

/** A request that is refused before any command runs: the text is the `error` of the answer. */
export class BadRequest extends Error {
  readonly status: number;
  constructor(message: string, options: ErrorOptions & { status?: number } = {}) {
    super(message, options);
    this.status = options.status ?? 400;
  }
}

export type RestRequest =
  | { readonly kind: "command"; readonly command: string[] }
  | { readonly kind: "pipeline" | "transaction"; readonly commands: string[][] }
  | { readonly kind: "subscribe"; readonly channels: string[] };

/** Reads what a request asks for: the commands in its body, or the one in its path. */
export async function readRequest(request: IncomingMessage, url: URL): Promise<RestRequest> {
  if (!["GET", "HEAD", "POST", "PUT"].includes(request.method ?? ""))
    throw new BadRequest("ERR method not allowed", { status: 405 });
  const words = url.pathname.split("/").filter(Boolean).map(decode);
  const body = await readBody(request);
  switch (words[0]) {
    case undefined:
      return { kind: "command", command: toCommand(parseJson(body)) };
    case "pipeline":
      return { kind: "pipeline", commands: toCommands(parseJson(body)) };
    case "multi-exec":
      return { kind: "transaction", commands: toCommands(parseJson(body)) };
    case "subscribe":
      return { kind: "subscribe", channels: words.slice(1) };
    default: {
      // The query holds options by name and value, after the body: POST /set/k?EX=9 is SET k <body> EX 9.
      const options = [...url.searchParams]
        .filter(([name]) => name !== "_token")
        .flat()
        .filter(Boolean);
      return { kind: "command", command: [...words, ...(body === "" ? [] : [body]), ...options] };
    }
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size <= LIMITS.request) chunks.push(bytes);
  }
  if (size > LIMITS.request) throw new BadRequest(exceeded("request", LIMITS.request, size));
  return Buffer.concat(chunks).toString("utf8");
}

function decode(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch (cause) {
    throw new BadRequest("ERR failed to decode the path", { cause });
  }
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new BadRequest("ERR failed to parse request", { cause });
  }
}

function toCommands(value: unknown): string[][] {
  if (!Array.isArray(value)) throw new BadRequest("ERR failed to parse pipeline request");
  if (value.length === 0) throw new BadRequest("ERR empty pipeline request");
  return value.map(toCommand);
}

function toCommand(value: unknown): string[] {
  if (!Array.isArray(value)) throw new BadRequest("ERR failed to parse command");
  if (value.length === 0) throw new BadRequest("ERR empty command");
  return value.map((word: unknown) => {
    if (typeof word === "string") return word;
    if (typeof word === "number" || typeof word === "boolean") return String(word);
    throw new BadRequest("ERR invalid command: arguments are strings, numbers or booleans");
  });
}
