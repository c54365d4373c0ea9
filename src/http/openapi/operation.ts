import { PROBLEMS, type ProblemCode } from "../../shared/problems.ts";
import { type Access, problemsOf, type Route } from "../pipeline/route.ts";
import { callbacks } from "./events.ts";
import { answerExamples, requestExamples } from "./examples.ts";
import { type answerHeaders, requestHeaders } from "./headers.ts";
import { answers, operations, parameters, statuses } from "./prose.ts";
import { type Json, type RequestName, requests, schemaOf } from "./schemas.ts";

const SECURITY: Readonly<Record<Access, readonly string[]>> = {
  open: [],
  key: ["apiKey"],
  "key-or-link": ["apiKey", "readLink"],
  "key-or-events-token": ["apiKey", "eventsToken"],
  "task-token": ["taskToken"],
  admin: ["adminToken"],
  queue: ["queueSignature"],
};

/** Of bodies that are not JSON. */
const MEDIA = { "text/html": { type: "string" }, "text/javascript": { type: "string" }, "*/*": {} } as const;

/** A route as an OpenAPI operation. */
export function operationOf(route: Route): Json {
  const scope = route.scope ? [route.scope] : [];
  const body = requestOf(route);
  return {
    operationId: route.operation,
    summary: route.summary,
    description: operations[route.operation],
    tags: [route.tag],
    security: SECURITY[route.access].map((scheme) => ({ [scheme]: scheme === "apiKey" ? scope : [] })),
    parameters: parametersOf(route),
    ...(body && { requestBody: body }),
    responses: { ...answersOf(route), ...refusalsOf(route) },
    ...(route.operation === "submitTask" && { callbacks: callbacks() }),
  };
}

function parametersOf(route: Route): readonly Json[] {
  const path = Object.entries(route.params ?? {}).map(([name, kind]) => {
    const schema = kind === "text" ? {} : { pattern: `^${kind}_[0-7][0-9a-hjkmnp-tv-z]{25}$` };
    return parameter(route, name, "path", true, { type: "string", ...schema });
  });
  const { properties = {}, required = [] } = route.query ? schemaOf(route.query) : {};
  const query = Object.entries(properties as Readonly<Record<string, Json>>) // a query is a strict object
    // The token is how one shows who one is: a security scheme, not a parameter.
    .filter(([name]) => name !== "token")
    .map(([name, schema]) => parameter(route, name, "query", (required as string[]).includes(name), schema));
  const own = (route.headers ?? []).map((name) => ({
    name,
    in: "header",
    required: false,
    ...requestHeaders[name],
  }));
  return [...path, ...query, ...own];
}

function parameter(route: Route, name: string, where: string, required: boolean, schema: Json): Json {
  const text = parameters[`${route.operation} ${name}`] ?? parameters[name];
  const style = schema["type"] === "object" && { style: "deepObject", explode: true };
  return { name, in: where, required, ...style, schema, ...text };
}

function requestOf(route: Route): Json | undefined {
  if (route.rawBody && route.method !== "GET") return { required: false, content: { "*/*": { schema: {} } } };
  if (route.anyBody) return { required: false, content: { "application/json": { schema: {} } } };
  if (!route.body) return undefined;
  const name = requestNames.find((one) => requests[one] === route.body);
  const content = name
    ? { schema: { $ref: `#/components/schemas/${name}` }, example: requestExamples[name] }
    : { schema: schemaOf(route.body) };
  return { required: !route.optionalBody, content: { "application/json": content } };
}

const requestNames = Object.keys(requests) as readonly RequestName[]; // its own keys

function answersOf(route: Route): Json {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, answer]) => {
      const names = [...new Set([...(answer.headers ?? []), "X-Request-Id"])];
      const description = answers[`${route.operation} ${status}`] ?? statuses[Number(status)];
      return [
        status,
        {
          description,
          headers: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
          ...((answer.shape || answer.media) && {
            content: {
              ...(answer.shape && { "application/json": shaped(answer.shape) }),
              ...(answer.media && { [answer.media]: { schema: MEDIA[answer.media] } }),
              ...(answer.stream && { "text/event-stream": { schema: { type: "string" } } }),
            },
          }),
        },
      ];
    }),
  );
}

function shaped(shape: string): Json {
  const example = (answerExamples as Json)[shape];
  return { schema: { $ref: `#/components/schemas/${shape}` }, ...(example !== undefined && { example }) };
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
  // A result that was waited for, and is none.
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
