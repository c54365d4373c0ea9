import { NOUNS } from "../../shared/id.ts";
import { PROBLEMS, type ProblemCode } from "../../shared/problems.ts";
import { idPattern } from "../../shared/schema/schema.ts";
import { type Access, type Answer, problemsOf, type Route, type TextParam } from "../pipeline/route.ts";
import { type answerHeaders, requestHeaders } from "./headers.ts";
import { contentOf, type Json, schemaOf } from "./schemas.ts";
import { callbacks } from "./webhooks.ts";

const SECURITY: Readonly<Record<Access, readonly string[]>> = {
  open: [],
  key: ["apiKey", "adminToken"],
  "key-or-browser-token": ["apiKey", "adminToken", "browserToken", "browserLink"],
  "key-or-link": ["apiKey", "adminToken", "browserToken", "browserLink", "readLink"],
  "key-or-events-token": ["apiKey", "adminToken", "browserToken", "browserLink", "eventsToken"],
  "task-token": ["taskToken"],
  admin: ["adminToken"],
  metrics: ["metricsToken", "adminToken"],
  queue: ["queueSignature"],
};

/** For bodies that are not JSON. */
const MEDIA = {
  "text/html": { type: "string" },
  "text/javascript": { type: "string" },
  "text/plain": { type: "string" },
  "*/*": {},
} as const;

/** A route as an OpenAPI operation. */
export function operationOf(route: Route): Json {
  const scope = route.scope ? [route.scope] : [];
  const body = requestOf(route);
  return {
    operationId: route.operation,
    summary: route.summary,
    description: route.description,
    tags: [route.tag],
    security: SECURITY[route.access].map((scheme) => ({ [scheme]: scheme === "apiKey" ? scope : [] })),
    parameters: parametersOf(route),
    ...(body && { requestBody: body }),
    responses: { ...answersOf(route), ...refusalsOf(route) },
    ...(route.callbacks && { callbacks: callbacks(route.callbacks) }),
  };
}

function parametersOf(route: Route): readonly Json[] {
  const path = Object.entries(route.params ?? {}).map(([name, kind]) =>
    typeof kind === "string"
      ? parameter(
          name,
          "path",
          true,
          { type: "string", pattern: idPattern(kind).source },
          `The ${NOUNS[kind]}'s id.`,
        )
      : {
          ...parameter(name, "path", true, textSchema(kind), kind.description),
          example: kind.example,
        },
  );
  const { properties = {}, required = [] } = route.query ? schemaOf(route.query) : {};
  const query = Object.entries(properties as Readonly<Record<string, Json>>) // a query is a strict object
    // The token is a proof: a security scheme, not a parameter.
    .filter(([name]) => name !== "token")
    .map(([name, { description, ...schema }]) =>
      parameter(name, "query", (required as string[]).includes(name), schema, description),
    );
  const named = [...(route.headers ?? []), ...(route.scope ? (["Ringback-Project"] as const) : [])];
  const own = named.map((name) => ({
    name,
    in: "header",
    required: false,
    ...requestHeaders[name],
  }));
  return [...path, ...query, ...own];
}

function textSchema({ pattern }: TextParam): Json {
  return { type: "string", ...(pattern !== undefined && { pattern }) };
}

function parameter(name: string, where: string, required: boolean, schema: Json, description: unknown): Json {
  const style = schema["type"] === "object" && { style: "deepObject", explode: true };
  return { name, in: where, required, ...style, schema, description };
}

function requestOf(route: Route): Json | undefined {
  if (route.rawBody && route.method !== "GET") return { required: false, content: { "*/*": { schema: {} } } };
  if (route.anyBody) return { required: false, content: { "application/json": { schema: {} } } };
  if (!route.body) return undefined;
  return { required: !route.optionalBody, content: { "application/json": contentOf(route.body) } };
}

function answersOf(route: Route): Json {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, answer]) => [status, answerOf(answer)]),
  );
}

function answerOf({ description, body, media, stream, headers = [], links = [] }: Answer): Json {
  const names = [...new Set([...headers, "X-Request-Id"])];
  return {
    description,
    headers: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
    ...((body || media) && {
      content: {
        ...(body && { "application/json": contentOf(body) }),
        ...(media && { [media]: { schema: MEDIA[media] } }),
        ...(stream && { "text/event-stream": { schema: { type: "string" } } }),
      },
    }),
    ...(links.length > 0 && {
      links: Object.fromEntries(
        links.map((operationId) => [operationId, { operationId, parameters: { id: "$response.body#/id" } }]),
      ),
    }),
  };
}

/** The refusals of a route, those of one status together. */
function refusalsOf(route: Route): Json {
  const byStatus = Map.groupBy(problemsOf(route), (code) => PROBLEMS[code].status);
  return Object.fromEntries([...byStatus].map(([status, codes]) => [`${status}`, refusal(status, codes)]));
}

const REFUSAL_HEADERS: Readonly<Record<number, readonly (keyof typeof answerHeaders)[]>> = {
  401: ["WWW-Authenticate"],
  403: ["WWW-Authenticate"],
  429: ["Retry-After", "RateLimit", "RateLimit-Policy"],
  489: ["Upstash-NonRetryable-Error"],
  503: ["Retry-After"],
};

function refusal(status: number, codes: readonly ProblemCode[]): Json {
  // The answer for a result that the client waited for and that does not exist.
  const waited = codes.includes("task-not-succeeded") || codes.includes("result-expired");
  const names = [
    "X-Request-Id",
    ...(REFUSAL_HEADERS[status] ?? []),
    ...(waited ? ["Preference-Applied"] : []),
  ];
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(" "),
    headers: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
    content: {
      "application/problem+json": {
        schema: { $ref: "#/components/schemas/Problem" },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}
