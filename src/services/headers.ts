import type { Service } from "./service.ts";

/** Takes a header along that is not on the list, `Ringback-Forward-X-Tenant: a` as `X-Tenant: a`. */
export const FORWARD_PREFIX = "ringback-forward-";

const TOKEN = /^[\w!#$%&'*+.^`|~-]{1,200}$/;
const VALUE = /^[\t -~]{0,8192}$/;

/** Headers of a proxied request that are passed on. */
const COMMON_REQUEST = new Set([
  "accept",
  "accept-language",
  "content-encoding",
  "content-language",
  "content-type",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-unmodified-since",
  "range",
]);

/** Headers of an answer that clients see. */
const COMMON_RESPONSE = new Set([
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-location",
  "content-range",
  "content-type",
  "date",
  "deprecation",
  "etag",
  "expires",
  "last-modified",
  "link",
  "location",
  "operation-location",
  "ratelimit",
  "ratelimit-policy",
  "retry-after",
  "sunset",
  "vary",
  "x-request-id",
]);

/**
 * Headers that a client cannot set: credentials (those of a service are its deployer's to configure), headers of
 * one connection (RFC 9110, section 7.6.1), headers about a request's origin, headers that would bypass the
 * allowed methods and paths, and the queue's and our own.
 */
const NEVER = new Set([
  "accept-encoding",
  "authorization",
  "connection",
  "content-length",
  "cookie",
  "cookie2",
  "expect",
  "forwarded",
  "host",
  "http2-settings",
  "keep-alive",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "true-client-ip",
  "upgrade",
  "user-agent",
  "via",
  "x-client-ip",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-url",
  "x-real-ip",
  "x-rewrite-url",
]);

const NEVER_PREFIXES = [
  "upstash-",
  "webhook-",
  "svix-",
  "ringback-",
  "proxy-",
  "x-forwarded-",
  "cf-",
  "sec-",
] as const;

/**
 * Headers that a client may add without being listed: application headers (`X-…`) and a trace. A name with one of these
 * words may reveal the request's origin, identity or target: a service that takes such a header lists it.
 */
const APPLICATION = /^(?:x-|traceparent$|tracestate$)/;
const TELLING =
  /ip(?:-|$)|addr|host|domain|forward|proxy|server|backend|upstream|client|remote|real|origin|source|peer|proto|scheme|port(?:-|$)|ssl|tls|cert|rewrite|override|method|verb|rout|path|ur[il]|via|user|auth|account|identity|login|mail|permission|privileg|principal|consumer|subject|role|admin|scope|group|session|cookie|token|secret|key|cred|pass|sign|jwt|oidc|saml|ldap|sso|internal|debug|trust|verif|idempot|amz|aws|azure|^x-arr|^x-ms-|goog|gae|appengine|envoy|istio|cluster|fly|fastly|akamai|cloud|cdn|edge|geo|country|vercel|netlify|^x-nf-|nginx|accel|sendfile|varnish|cache|http|gateway|kong|incap|sucuri|^x-wap-|^x-ali-/;

/**
 * The fault of a header that a client wants a service to see, as the end of a sentence. Undefined for permitted
 * headers: the common ones, those that the service lists, and application headers that reveal nothing of the request's
 * origin.
 */
export function clientHeaderFault(
  service: Pick<Service, "headers" | "requestHeaders">,
  name: string,
  value: string,
): string | undefined {
  const lower = name.toLowerCase();
  const fault = listedFault(lower) ?? headerFault(service, name, value);
  if (fault || COMMON_REQUEST.has(lower) || service.requestHeaders.includes(lower)) return fault;
  // CGI and its heirs read `X_Forwarded_For` and `X.Forwarded.For` as `X-Forwarded-For`.
  const plain = lower.replace(/[^a-z0-9]/g, "-");
  if (APPLICATION.test(plain) && !TELLING.test(plain)) return undefined;
  return "is no header that this service takes";
}

/** Why a service cannot list a header; undefined when it can. */
export function listedFault(name: string): string | undefined {
  if (name.toLowerCase() !== "idempotency-key") return undefined;
  return "is set by the gateway: all clients of a service would share theirs";
}

/** The fault of a header that is to be sent, as the end of a sentence; undefined when it may be. */
export function headerFault(
  service: Pick<Service, "headers">,
  name: string,
  value: string,
): string | undefined {
  const lower = name.toLowerCase();
  if (!TOKEN.test(name)) return "is no name of a header";
  if (NEVER.has(lower) || NEVER_PREFIXES.some((prefix) => lower.startsWith(prefix)))
    return "is never passed on";
  if (Object.hasOwn(service.headers, lower)) return "is set by the gateway for this service";
  return VALUE.test(value) ? undefined : "has a value that is not visible ASCII, or is too long";
}

/**
 * The headers of a proxied request that its client means for the service: the common ones, those that the service
 * lists, and those with the prefix. A forbidden header without the prefix is dropped.
 *
 * @param headers names in lower case
 */
export function proxiedHeaders(
  service: Pick<Service, "headers" | "requestHeaders">,
  headers: Iterable<readonly [string, string]>,
): Readonly<Record<string, string>> {
  const passed: Record<string, string> = {};
  const asked: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (name.startsWith(FORWARD_PREFIX)) asked[name.slice(FORWARD_PREFIX.length)] = value;
    else if (
      (COMMON_REQUEST.has(name) || service.requestHeaders.includes(name)) &&
      clientHeaderFault(service, name, value) === undefined
    ) {
      passed[name] = value;
    }
  }
  return { ...passed, ...asked };
}

/** The headers of an answer that its client sees: several values of one name become a list. */
export function shownHeaders(
  service: Pick<Service, "responseHeaders">,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => COMMON_RESPONSE.has(name) || service.responseHeaders.includes(name),
    ),
  );
}
