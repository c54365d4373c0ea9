import { proxiedHeaders } from "../../services/headers.ts";
import { HTTP_REQUEST, writeBody } from "../../services/http-request.ts";
import { SERVICE_METHODS } from "../../services/service.ts";
import { idempotencyOf } from "../../shared/idempotency.ts";
import { ApiError } from "../../shared/problems.ts";
import { fitting } from "../pipeline/body.ts";
import { idempotencyKey } from "../pipeline/headers.ts";
import { preferencesOf } from "../pipeline/prefer.ts";
import { receive } from "../pipeline/receive.ts";
import { type Call, type Route, route } from "../pipeline/route.ts";
import { TaskRequest } from "../schemas/task-requests.ts";
import { SUBMIT_ANSWERS, SUBMIT_PROBLEMS, submitted } from "./tasks/tasks.ts";

/** The prefix of the address of every proxied request. */
export const PROXY = "/v1/proxy/";

/** Our headers, with the fields of a submitted task that they set. */
const OWN = { callbackUrl: "Callback-Url", delay: "Ringback-Delay", deadline: "Ringback-Deadline" } as const;

const PARAMS = {
  service: { description: "The service's name.", example: "shop" },
  path: {
    description: "Where to call the service, below its base address; slashes are separators.",
    example: "v1/orders",
  },
} as const;

/** One route per method that QStash knows. */
export const proxyRoutes: readonly Route[] = SERVICE_METHODS.map((method) =>
  route({
    method,
    path: `${PROXY}:service/:path{.*}`,
    operation: `proxy${method}`,
    summary: "Queue this request for a service",
    description:
      "`path` may have slashes and a query; it is refused unless it is in its normal form and under a path of the service. Passed on are the body as it is, common headers (`Accept`, `Accept-Language`, `Content-*`, `If-*`, `Range`), those that the service lists, and `Ringback-Forward-<name>` as `<name>` where the service takes it; never `Authorization`, cookies, or headers of the connection. The request becomes a task of the type `http.request`, and `errors` points into that: `#/input/path`, `#/callbackUrl`. 405 names the service's methods in `Allow`.",
    tag: "Services",
    access: "key",
    scope: "service:{service}",
    scopeCheckedBy: "script",
    params: PARAMS,
    headers: ["Prefer", "Idempotency-Key", ...Object.values(OWN), "traceparent", "tracestate"],
    rawBody: true,
    answers: SUBMIT_ANSWERS,
    problems: [...SUBMIT_PROBLEMS, "respond-async-required", "method-not-allowed", "invalid-request"],
    handle: proxy,
  }),
);

/** The request becomes the equivalent task of type `http.request`, with the same checks. */
async function proxy(call: Call<typeof PARAMS, unknown, unknown, typeof SUBMIT_ANSWERS, "key">) {
  const { c, ctx, params } = call;
  if (!preferencesOf(c).respondAsync) {
    throw new ApiError(
      "respond-async-required",
      "Send Prefer: respond-async; the answer is the task's result.",
    );
  }
  const service = ctx.services.get(params.service);
  // The path in its normal form: a path that leaves the service's addresses by dot segments is not found.
  const { pathname, search } = new URL(c.req.url);
  const base = PROXY + params.service;
  if (!service || !pathname.startsWith(`${base}/`)) {
    throw new ApiError("not-found", `There is no service "${params.service}" here.`);
  }
  const method = service.methods.find((one) => one === c.req.method); // a HEAD comes here as a GET does
  if (!method) {
    const allow = service.methods.join(", ");
    c.header("Allow", allow);
    throw new ApiError("method-not-allowed", `This service takes ${allow}.`);
  }
  const bytes =
    method === "GET" ? noBody(c.req.raw.headers) : new Uint8Array(await receive(c, "invalid-request"));
  const json = {
    type: HTTP_REQUEST,
    input: {
      service: service.name,
      method,
      path: pathname.slice(base.length) + search,
      headers: proxiedHeaders(service, c.req.raw.headers),
      ...(bytes.length > 0 && writeBody(bytes)),
    },
    ...Object.fromEntries(
      Object.entries(OWN).flatMap(([field, name]) => {
        const value = c.req.header(name);
        return value === undefined ? [] : [[field, value]];
      }),
    ),
  };
  const key = idempotencyKey(c.req.header("Idempotency-Key"));
  const idempotency = await idempotencyOf(ctx.hashes, method, pathname, key, json);
  const task = {
    ...fitting(TaskRequest, json),
    canonical: json,
    ...(idempotency && { idempotency }),
  };
  return submitted(call, task, "/result?raw");
}

/**
 * Content of a GET has no meaning (RFC 9110, section 9.3.1), and Deno drops it: it is refused by the headers that
 * announce it, so that no runtime drops it silently.
 */
function noBody(headers: Headers): Uint8Array {
  if (headers.has("Transfer-Encoding") || !["0", null].includes(headers.get("Content-Length"))) {
    throw new ApiError("invalid-request", "A GET is passed on without a body.");
  }
  return new Uint8Array();
}
