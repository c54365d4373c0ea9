import { proxiedHeaders } from "../../services/headers.ts";
import { HTTP_REQUEST, writeBody } from "../../services/http-request.ts";
import { SERVICE_METHODS } from "../../services/service.ts";
import { idempotencyOf } from "../../shared/idempotency.ts";
import { ApiError } from "../../shared/problems.ts";
import { fitting } from "../pipeline/body.ts";
import { idempotencyKey } from "../pipeline/headers.ts";
import { preferencesOf } from "../pipeline/prefer.ts";
import { type Call, type Route, route } from "../pipeline/route.ts";
import { taskRequest } from "../schemas/task-requests.ts";
import { SUBMIT_HEADERS, SUBMIT_PROBLEMS, submitted } from "./tasks.ts";

/** What the address of every proxied request begins with. */
export const PROXY = "/v1/proxy/";

/** Headers that are ours, by the fields of a submitted task that they stand for. */
const OWN = { callbackUrl: "Callback-Url", delay: "Ringback-Delay", deadline: "Ringback-Deadline" } as const;

/** One route per method that QStash knows. */
export const proxyRoutes: readonly Route[] = SERVICE_METHODS.map((method) =>
  route({
    method,
    path: `${PROXY}:service/:path{.*}`,
    operation: `proxy${method}`,
    summary: "Queue this very request for a service",
    tag: "Services",
    access: "key",
    scope: "service:{service}",
    scopeCheckedBy: "script",
    params: { service: "text", path: "text" },
    headers: ["Prefer", "Idempotency-Key", ...Object.values(OWN), "traceparent", "tracestate"],
    rawBody: true,
    answers: {
      200: { shape: "Task", headers: SUBMIT_HEADERS },
      202: { shape: "Task", headers: [...SUBMIT_HEADERS, "Retry-After"] },
    },
    problems: [...SUBMIT_PROBLEMS, "respond-async-required", "method-not-allowed", "invalid-request"],
    handle: proxy,
  }),
);

/** The request becomes the task of type `http.request` that means the same, and is judged as that. */
async function proxy({
  c,
  ctx,
  caller,
  params,
}: Call<{ service: "text"; path: "text" }, unknown, unknown, "key">) {
  if (!preferencesOf(c).respondAsync) {
    throw new ApiError(
      "respond-async-required",
      "Send Prefer: respond-async; the answer is the task's result.",
    );
  }
  const service = ctx.services.get(params.service);
  // In its normal form: what climbs out of the service's addresses by dot segments is none of them.
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
  const bytes = method === "GET" ? noBody(c.req.raw.headers) : new Uint8Array(await c.req.arrayBuffer());
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
  const idempotency = await idempotencyOf(method, pathname, key, json);
  return submitted(c, ctx, caller, {
    ...fitting(taskRequest, json),
    canonical: json,
    ...(idempotency && { idempotency }),
  });
}

/**
 * Content of a GET means nothing (RFC 9110, section 9.3.1), and Deno hands none on: it is refused by what announces
 * it, so that no runtime drops it unsaid.
 */
function noBody(headers: Headers): Uint8Array {
  if (headers.has("Transfer-Encoding") || !["0", null].includes(headers.get("Content-Length"))) {
    throw new ApiError("invalid-request", "A GET is passed on without a body.");
  }
  return new Uint8Array();
}
