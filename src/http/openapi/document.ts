import { PROBLEMS } from "../../shared/problems.ts";
import { problemsOf, type Route } from "../pipeline/route.ts";
import { routesOf } from "../routes/index.ts";
import { webhooks } from "./events.ts";
import { problemExample } from "./examples.ts";
import { answerHeaders } from "./headers.ts";
import { operationOf } from "./operation.ts";
import { overview, tags } from "./prose.ts";
import { type Json, schemas } from "./schemas.ts";

/**
 * The OpenAPI 3.1 document of the gateway, made from the declarations of its routes.
 *
 * @param version the gateway's
 */
export function openApi(version: string): Json {
  const routes = routesOf();
  return {
    openapi: "3.1.0",
    info: {
      title: "Ringback",
      version,
      summary: "The async gateway of the edge: 202 now, callback when done.",
      description: overview,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "The gateway that serves this document." }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths: pathsOf(routes),
    webhooks: webhooks(),
    components: {
      schemas: schemas(),
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
      "A task token, `rbt_…`: it entitles to one attempt of one run of one task, until its deadline.",
  },
  adminToken: { type: "http", scheme: "bearer", description: "The deployment's admin token." },
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
      description: "Names the request; the client's own where it sent a usable one.",
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
