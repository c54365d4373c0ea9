import { PROBLEMS } from "../../shared/problems.ts";
import { problemExample } from "../../shared/schema/problem-schema.ts";
import type { AnyTask } from "../../task.ts";
import { problemsOf, type Route, TAGS } from "../pipeline/route.ts";
import { answerHeaders } from "./headers.ts";
import { operationOf } from "./operation.ts";
import { type Json, schemas } from "./schemas.ts";
import { webhooks } from "./webhooks.ts";

const OVERVIEW = `Ringback takes work that is too slow for a request: it answers \`202 Accepted\` at once, runs the work, keeps its
status and result, and calls a URL of yours when it is done.

A 202 is a promise: the task is kept, and it reaches a terminal status even after failures. Times are RFC 3339 in UTC,
durations are written \`500ms\`, \`10s\`, \`15m\`, \`24h\`, \`7d\`, and every address is absolute. Readers must tolerate fields,
events and statuses that they do not know. Every error is \`application/problem+json\` with a stable
\`code\` ([all codes](/problems)), and every answer carries \`X-Request-Id\`.`;

/** The input of a gateway's document. */
export interface Described {
  readonly version: string;
  /** Its address, without a slash at the end. */
  readonly publicUrl: string;
  /** The task types that it offers. */
  readonly tasks: Iterable<AnyTask>;
  readonly routes: readonly Route[];
}

/** The OpenAPI 3.1 document of a gateway, made from the declarations of its routes, schemas and task types. */
export function openApi({ version, publicUrl, tasks, routes }: Described): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: "Ringback",
      version,
      summary: "The async gateway of the edge: 202 now, callback when done.",
      description: OVERVIEW,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: publicUrl, description: "The gateway that serves this document." }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: pathsOf(routes),
    webhooks: webhooks(),
    components: {
      schemas: schemas(tasks),
      headers: headers(),
      examples: problemExamples(routes),
      securitySchemes,
    },
  };
}

const securitySchemes: Json = {
  apiKey: {
    type: "http",
    scheme: "bearer",
    description: "An API key, `rb_…`. Every operation names the scope that it needs.",
  },
  taskToken: {
    type: "http",
    scheme: "bearer",
    description:
      "A task token, `rbt_…`: it authorizes its bearer to finish one attempt of one run of one task, until its deadline.",
  },
  adminToken: {
    type: "http",
    scheme: "bearer",
    description:
      "The deployment's admin token. Below `/v1` it acts with every scope in the project that `Ringback-Project` names.",
  },
  metricsToken: {
    type: "http",
    scheme: "bearer",
    description: "`RINGBACK_METRICS_TOKEN`: it reads the metrics, and nothing else.",
  },
  browserToken: {
    type: "http",
    scheme: "bearer",
    description:
      "A token of `POST /v1/tasks/{id}/token`: it opens one task, its operation, result and timeline for an hour at most.",
  },
  browserLink: {
    type: "apiKey",
    in: "query",
    name: "token",
    description: "The same token in the address, for an `EventSource` or a link.",
  },
  readLink: {
    type: "apiKey",
    in: "query",
    name: "token",
    description: "The token of a signed link: it opens one task's result until it expires.",
  },
  eventsToken: {
    type: "apiKey",
    in: "query",
    name: "token",
    description: "A token of `POST /v1/tasks/{id}/events-token`: it opens one task's timeline for 5 minutes.",
  },
  queueSignature: {
    type: "apiKey",
    in: "header",
    name: "Upstash-Signature",
    description: "A JWT over address, body and time, by QStash's signing keys.",
  },
};

function headers(): Json {
  return {
    ...answerHeaders,
    "X-Request-Id": {
      description: "Names the request; the client's own id if it sent a valid one.",
      schema: { type: "string" },
    },
  };
}

function problemExamples(routes: readonly Route[]): Json {
  const codes = new Set(routes.flatMap(problemsOf));
  return Object.fromEntries(
    [...codes].map((code) => {
      const { title } = PROBLEMS[code];
      return [code, { summary: title, value: problemExample(code, `${title}.`) }];
    }),
  );
}

function pathsOf(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)(?:\{.*\})?/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return paths;
}
