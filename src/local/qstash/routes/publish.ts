import { badRequest, overLimit } from "../errors.ts";
import type { HeaderPairs } from "../headers.ts";
import type { ApiRequest, ApiResponse } from "../http.ts";
import { isObject, readJson } from "../http.ts";
import type { Publication, PublishResult } from "../publisher.ts";
import type { Route } from "../router.ts";
import { decodeSegment, ok } from "../router.ts";

/** Names in the query that are meant for QStash and not for the destination (docs: howto/webhook). */
const isOurs = (name: string) => name === "qstash_token" || name.startsWith("upstash-");

const nameOf = (parameter: string) => decodeSegment(parameter.split("=", 1)[0] ?? "");

/**
 * The destination: the rest of the path and the query, byte for byte, without the parameters that configure
 * QStash. A client may also have encoded it as one segment.
 */
function readDestination(rest: string, rawQuery: string): string {
  const base = /^https?%3A/i.test(rest) ? decodeSegment(rest) : rest;
  const query = rawQuery.split("&").filter((parameter) => parameter !== "" && !isOurs(nameOf(parameter)));
  if (query.length === 0) return base;
  return `${base}${base.includes("?") ? "&" : "?"}${query.join("&")}`;
}

/** Headers, and after them what the query says in their place. */
function readHeaders(request: ApiRequest): HeaderPairs {
  if (!request.rawQuery.includes("upstash-")) return request.headers;
  return [...request.headers, ...[...request.query].filter(([name]) => name.startsWith("upstash-"))];
}

export function readPublication(request: ApiRequest, rest: string): Publication {
  return {
    destination: readDestination(rest, request.rawQuery),
    headers: readHeaders(request),
    body: request.body,
    callerIP: request.callerIP,
  };
}

const isDuplicate = (result: PublishResult) => !Array.isArray(result) && result.deduplicated === true;

/** A duplicate is answered like the first, but with 202 (docs: features/deduplication). */
const published = (result: PublishResult): ApiResponse => ({
  status: isDuplicate(result) ? 202 : 200,
  json: result,
});

interface BatchEntry {
  readonly destination: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly queue?: string;
}

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

/** Text as headers carry it: the bytes of its UTF-8, each as one character. */
const asBytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");

export const publishRoutes: readonly Route[] = [
  {
    methods: ["POST"],
    path: "/v2/publish/*",
    async handle(broker, request, params) {
      return published(await broker.publisher.publish(readPublication(request, params["*"] ?? "")));
    },
  },
  {
    methods: ["POST"],
    path: "/v2/enqueue/:queue/*",
    async handle(broker, request, params) {
      const publication = readPublication(request, params["*"] ?? "");
      return published(await broker.publisher.publish({ ...publication, queueName: params["queue"] }));
    },
  },
  {
    methods: ["POST"],
    path: "/v2/batch",
    async handle(broker, request) {
      if (request.body.length > broker.plan.maxBatchSize) throw overLimit("maximum batch size exceeded");
      const entries = readJson(request.body, isBatch, "an array of messages, each with a destination");
      if (entries.length === 0) throw badRequest("batch is empty");
      const publications = entries.map(
        ({ destination, headers, body, queue }): Publication => ({
          destination,
          headers: Object.entries(headers ?? {}).map(([name, value]) => [name, asBytes(value)]),
          body: Buffer.from(body ?? "", "utf8"),
          callerIP: request.callerIP,
          queueName: queue || undefined,
        }),
      );
      return ok(await broker.publisher.publishBatch(publications));
    },
  },
];
