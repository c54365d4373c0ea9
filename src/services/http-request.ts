import * as z from "zod/mini";
import { base64, fromBase64, utf8 } from "../shared/bytes.ts";
import { field, type Infer, opt } from "../shared/schema/schema.ts";
import { traceOf } from "../shared/trace/trace-context.ts";
import { type AnyTask, defineTask, TaskError } from "../task.ts";
import { clientHeaderFault, FORWARD_PREFIX } from "./headers.ts";
import { pathFault } from "./path.ts";
import { SERVICE_METHODS, type Service, type ServiceMethod } from "./service.ts";

/** The task type whose work the queue has a service do. */
export const HTTP_REQUEST = "http.request";

/** The input of `http.request`. */
export interface HttpRequest {
  readonly service: string;
  readonly method: ServiceMethod;
  /** Below the service's base URL, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string goes as it is, anything else as JSON. */
  readonly body?: unknown;
  /** The body is bytes in base64. */
  readonly bodyEncoding?: "base64";
}

/** The request to the service, without the gateway's additions. */
export interface PlainRequest {
  readonly url: string;
  readonly method: ServiceMethod;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

const httpResult = z.object({
  status: field(z.int(), "The status code of the service's answer."),
  headers: field(z.record(z.string(), z.string()), "Its headers that are kept, names in lower case."),
  body: field(
    z.unknown(),
    "JSON as its value, text as a string, other bytes in base64, nothing as null. JSON that parsing would change, or that nests too deep, is text.",
  ),
  bodyEncoding: field(opt(z.literal("base64")), "The body is bytes in base64."),
  bodyText: field(
    opt(z.string()),
    "The very text of a JSON body that is written otherwise than we would write it.",
  ),
});

/** The result of `http.request`. */
export type HttpResult = Infer<typeof httpResult>;

const MAX_HEADERS = 64;

type Services = ReadonlyMap<string, Service>;

/** The task type over the services of a deployment. */
export function httpRequestTask(services: Services): AnyTask {
  const input = z
    .strictObject({
      service: z.string(),
      method: z.enum(SERVICE_METHODS),
      path: z.string(),
      headers: z.exactOptional(z.record(z.string(), z.string())),
      body: z.exactOptional(z.unknown()),
      bodyEncoding: z.exactOptional(z.literal("base64")),
    })
    .check((payload) => {
      for (const { path, message } of faultsIn(services, payload.value)) {
        payload.issues.push({ code: "custom", input: payload.value, path, message });
      }
    });
  return defineTask({
    type: HTTP_REQUEST,
    summary: "Have the queue call a service of this deployment.",
    input,
    result: httpResult,
    handler: () => {
      throw new TaskError("misrouted", "Services are called by the queue, not by a handler.");
    },
  });
}

/** The request of an input, once it has been checked. */
export function readHttpRequest(json: string): HttpRequest {
  return JSON.parse(json) as HttpRequest; // the task type's schema has accepted it
}

/** The service that a submit names, also when the rest of it is invalid. */
export function serviceNamed(services: Services, type: string, input: unknown): Service | undefined {
  if (type !== HTTP_REQUEST || typeof input !== "object" || input === null || !("service" in input)) return;
  return services.get(String(input.service));
}

const TRACED = z.looseObject({ headers: z.record(z.string(), z.string()) });

/** The trace among the headers that an input has for its service: the task continues it, unless its submit has one. */
export function traceForService(type: string, input: unknown): string | undefined {
  const request = type === HTTP_REQUEST ? TRACED.safeParse(input).data : undefined;
  if (!request) return undefined;
  const headers = new Map(
    Object.entries(request.headers).map(([name, value]) => [plainName(name).toLowerCase(), value]),
  );
  return traceOf(headers.get("traceparent"), headers.get("tracestate"));
}

interface PlacedFault {
  readonly path: PropertyKey[];
  readonly message: string;
}

function faultsIn(services: Services, request: HttpRequest): PlacedFault[] {
  const service = services.get(request.service);
  if (!service) return [{ path: ["service"], message: "is no service of this gateway" }];
  const faults: PlacedFault[] = [];
  const add = (path: PropertyKey[], message: string | undefined): void => {
    if (message) faults.push({ path, message });
  };
  if (!service.methods.includes(request.method)) {
    add(["method"], `must be one of ${service.methods.join(", ")} for this service`);
  }
  add(["path"], pathFault(service, request.path));
  const headers = Object.entries(request.headers ?? {});
  if (headers.length > MAX_HEADERS) add(["headers"], `must have at most ${MAX_HEADERS} members`);
  const seen = new Set<string>();
  for (const [name, value] of headers) {
    const plain = plainName(name).toLowerCase();
    add(["headers", name], clientHeaderFault(service, plainName(name), value));
    if (seen.has(plain)) add(["headers", name], "is given twice: names differ in more than case and prefix");
    seen.add(plain);
  }
  add(["body"], bodyFault(request));
  return faults;
}

function bodyFault({ method, body, bodyEncoding }: HttpRequest): string | undefined {
  if (body === undefined) return bodyEncoding && "is required with bodyEncoding";
  if (method === "GET") return "must not be there with GET";
  if (bodyEncoding && (typeof body !== "string" || fromBase64(body) === undefined)) return "must be base64";
  return undefined;
}

/** The request of an input: its headers and body as the service gets them. */
export function plainRequest(service: Service, request: HttpRequest): PlainRequest {
  const given = Object.entries(request.headers ?? {}).map(([name, value]) => [
    plainName(name).toLowerCase(),
    value,
  ]);
  const { body, type } = bodyOf(request);
  return {
    url: service.baseUrl + request.path,
    method: request.method,
    headers: { ...(type && { "content-type": type }), ...Object.fromEntries(given) },
    ...(body && { body }),
  };
}

function bodyOf({ body, bodyEncoding }: HttpRequest): {
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly type?: string;
} {
  if (body === undefined) return {};
  if (typeof body !== "string") return { body: utf8(JSON.stringify(body)), type: "application/json" };
  if (bodyEncoding) return { body: fromBase64(body) ?? utf8(body), type: "application/octet-stream" };
  return { body: utf8(body), type: "text/plain;charset=utf-8" };
}

function plainName(name: string): string {
  return name.toLowerCase().startsWith(FORWARD_PREFIX) ? name.slice(FORWARD_PREFIX.length) : name;
}

/** Bytes as JSON can hold them: the text that they are, or base64. */
export function writeBody(bytes: Uint8Array): { readonly body: string; readonly bodyEncoding?: "base64" } {
  const text = textOf(bytes);
  return text === undefined ? { body: base64(bytes), bodyEncoding: "base64" } : { body: text };
}

/** The text of bytes that are UTF-8, every one of them kept. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined; // no UTF-8: then it is bytes
  }
}
