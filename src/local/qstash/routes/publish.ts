import { type Context, Hono } from "hono";
import type { Broker } from "../broker.ts";
import { badRequest } from "../errors.ts";
import type { Publication } from "../publisher.ts";
import { type Env, queryOf, rawPath, rawQuery, readSource } from "./app.ts";

/** Names in the query that are meant for QStash and not for the destination (docs: howto/webhook). */
const isOurs = (name: string) => name === "qstash_token" || name.startsWith("upstash-");

/** A part of a URL, decoded; one that is not well encoded means itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

const nameOf = (parameter: string) => decode(parameter.split("=", 1)[0] ?? "");

/**
 * The destination: the rest of the path and the query, byte for byte, without the parameters that configure
 * QStash. A client may also have encoded it as one segment.
 */
function readDestination(rest: string, query: string): string {
  const base = /^https?%3A/i.test(rest) ? decode(rest) : rest;
  const kept = query.split("&").filter((parameter) => parameter !== "" && !isOurs(nameOf(parameter)));
  if (kept.length === 0) return base;
  return `${base}${base.includes("?") ? "&" : "?"}${kept.join("&")}`;
}

/** The messages of a request: the destination stands in the path after `prefix`. */
export async function readPublication(c: Context<Env>, prefix: string, limit: number): Promise<Publication> {
  const source = await readSource(c, limit);
  const query = rawQuery(c.env);
  const configured = query.includes("upstash-")
    ? [...queryOf(c)].filter(([name]) => name.startsWith("upstash-"))
    : [];
  return {
    ...source,
    destination: readDestination(rawPath(c.env).slice(prefix.length), query),
    headers: [...source.headers, ...configured],
  };
}

interface BatchEntry {
  readonly destination: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly queue?: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isString = (value: unknown) => typeof value === "string";
const isOptional = (value: unknown, check: (value: unknown) => boolean) =>
  value === undefined || value === null || check(value);

function isBatch(value: unknown): value is BatchEntry[] {
  return (
    Array.isArray(value) &&
    value.every(
      (entry) =>
        isObject(entry) &&
        isString(entry["destination"]) &&
        isOptional(entry["body"], isString) &&
        isOptional(entry["queue"], isString) &&
        isOptional(
          entry["headers"],
          (headers) => isObject(headers) && Object.values(headers).every(isString),
        ),
    )
  );
}

function readBatch(body: Buffer): BatchEntry[] {
  const value = parseJson(body.toString("utf8"));
  if (!isBatch(value)) throw badRequest("request body must be an array of messages, each with a destination");
  if (value.length === 0) throw badRequest("batch is empty");
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest("request body is not valid JSON");
    throw error;
  }
}

/** Text as headers carry it: the bytes of its UTF-8, each as one character. */
const asBytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");

/** Publish and batch (docs: api/publish). */
export function publishRoutes({ publisher, plan }: Broker) {
  return new Hono<Env>()
    .post("/v2/publish/*", async (c) => {
      const publication = await readPublication(c, "/v2/publish/", plan.maxBatchSize);
      const result = await publisher.publish(publication);
      // A duplicate is answered like the first, but with 202 (docs: features/deduplication).
      return c.json(result, result.deduplicated ? 202 : 200);
    })
    .post("/v2/batch", async (c) => {
      const { body, callerIP } = await readSource(c, plan.maxBatchSize);
      const publications = readBatch(body).map(({ destination, headers, body: text, queue }): Publication => {
        // Named where each message's other settings are, and refused there.
        const named = { ...headers, ...(queue ? { "Upstash-Queue-Name": queue } : {}) };
        return {
          destination,
          headers: Object.entries(named).map(([name, value]) => [name, asBytes(value)]),
          body: Buffer.from(text ?? "", "utf8"),
          callerIP,
        };
      });
      return c.json(await publisher.publishBatch(publications));
    });
}
