import { describe, expect, test } from "vitest";
import { clientHeaderFault, headerFault, proxiedHeaders, shownHeaders } from "../../src/services/headers.ts";

const service = {
  headers: { "x-api-key": "secret" },
  requestHeaders: ["x-tenant", "authorization"],
  responseHeaders: ["x-cost"],
};

describe("a header that a client wants sent", () => {
  for (const name of ["Accept", "X-Tenant", "x-anything", "traceparent", "If-Match", "x_y"]) {
    test(`${name} may be`, () => {
      expect(headerFault(service, name, "value")).toBeUndefined();
      expect(clientHeaderFault(service, name, "value")).toBeUndefined();
    });
  }

  test("Idempotency-Key is the gateway's: all clients of a service would share theirs, though it lists it", () => {
    const list = { ...service, requestHeaders: ["idempotency-key"] };
    for (const one of [service, list]) {
      expect(clientHeaderFault(one, "Idempotency-Key", "k")).toMatch(/^is set by the gateway/);
      expect(proxiedHeaders(one, [["idempotency-key", "k"]])).toEqual({});
    }
  });

  for (const name of [
    "Fastly-Client-IP",
    "Fly-Client-IP",
    "X-Cluster-Client-IP",
    "X-Host",
    "X_Forwarded_For",
    "X.Forwarded.For",
    "X-Appengine-User-IP",
    "X-Azure-SocketIP",
    "X-ProxyUser-Ip",
    "X-Original-Host",
    "X-Envoy-External-Address",
    "X-Amzn-Oidc-Identity",
    "X-Ms-Client-Principal",
    "X-Goog-Authenticated-User-Email",
    "X-Remote-User",
    "X-Accel-Redirect",
    "X-Server-Port",
    "X-Url-Scheme",
    "X-Email",
    "X-Login",
    "X-Permissions",
    "X-Privileged",
    "X-Backend",
    "X-Upstream",
    "X-Server-Name",
    "X-Wap-Profile",
    "WL-Proxy-Client-IP",
    "DO-Connecting-IP",
    "Incap-Client-IP",
    "Client-IP",
    "Remote-Addr",
    "Base-Url",
    "Content-Location",
    "Origin",
    "Referer",
    "From",
    "Prefer",
    "Tenant",
  ]) {
    test(`${name} is none of the service's, unless it lists it`, () => {
      expect(clientHeaderFault(service, name, "value")).toBe("is no header that this service takes");
      const list = { ...service, requestHeaders: [name.toLowerCase()] };
      expect(clientHeaderFault(list, name, "value")).toBeUndefined();
    });
  }

  for (const name of [
    "Authorization",
    "AUTHORIZATION",
    "Proxy-Authorization",
    "Cookie",
    "Cookie2",
    "Set-Cookie",
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Content-Length",
    "Host",
    "Expect",
    "HTTP2-Settings",
    "Via",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Real-IP",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Sec-Fetch-Site",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "Accept-Encoding",
    "User-Agent",
    "Upstash-Retries",
    "upstash-forward-authorization",
    "Upstash-Callback",
    "Upstash-Signature",
    "Webhook-Id",
    "Svix-Id",
    "SVIX-Signature",
    "Ringback-Task-Token",
    "Ringback-Forward-Cookie",
  ]) {
    test(`${name} never is`, () => {
      expect(headerFault(service, name, "value")).toBe("is never passed on");
    });
  }

  for (const name of ["", "a b", "a:b", "a\r\n", "ä", "(a)", "x".repeat(201)]) {
    test(`${JSON.stringify(name.slice(0, 20))} is no name`, () => {
      expect(headerFault(service, name, "value")).toBe("is no name of a header");
    });
  }

  for (const value of ["a\r\nb: c", "a\nb", "a\u0000", "ä", "€", "a\u007f", "x".repeat(8_193)]) {
    test(`${JSON.stringify(value.slice(0, 20))} is no value`, () => {
      expect(headerFault(service, "x-a", value)).toBe(
        "has a value that is not visible ASCII, or is too long",
      );
    });
  }

  test("in place of the deployer's own is refused", () => {
    expect(headerFault(service, "X-API-Key", "mine")).toBe("is set by the gateway for this service");
  });

  test("a value may be empty, have tabs, and be long", () => {
    for (const value of ["", "a\tb", "x".repeat(8_192)])
      expect(headerFault(service, "x-a", value)).toBeUndefined();
  });
});

describe("of a proxied request", () => {
  test("the common ones, those of the service and those with the prefix go on; the last win", () => {
    const sent = proxiedHeaders(service, [
      ["accept", "text/csv"],
      ["content-type", "text/plain"],
      ["ringback-forward-content-type", "text/csv"],
      ["x-tenant", "a"],
      ["x-other", "left behind"],
      ["ringback-forward-x-other", "b"],
      ["ringback-deadline", "1h"],
      ["prefer", "respond-async"],
      ["idempotency-key", "k"],
    ]);
    expect(sent).toEqual({ accept: "text/csv", "content-type": "text/csv", "x-tenant": "a", "x-other": "b" });
  });

  test("the client's own Authorization stays behind though a service lists it", () => {
    expect(proxiedHeaders(service, [["authorization", "Bearer rb_x"]])).toEqual({});
  });

  test("the deployer's stay the deployer's; what was asked for by prefix is judged by the task's schema", () => {
    const list = { ...service, requestHeaders: ["x-api-key"] };
    expect(proxiedHeaders(list, [["x-api-key", "mine"]])).toEqual({});
    expect(proxiedHeaders(list, [["ringback-forward-cookie", "a=b"]])).toEqual({ cookie: "a=b" });
  });
});

test("of an answer the common ones and those of the service are shown, and no others", () => {
  const headers = {
    "content-type": "text/plain",
    etag: '"a"',
    location: "/x",
    "retry-after": "1",
    "x-cost": "2",
    "x-internal": "10.0.0.7",
    "set-cookie": "a=b",
    "content-length": "3",
    "transfer-encoding": "chunked",
    connection: "close",
    server: "x",
    "www-authenticate": "Basic",
    "upstash-message-id": "msg",
    "content-security-policy": "x",
    "access-control-allow-origin": "*",
  };
  expect(Object.keys(shownHeaders(service, headers))).toEqual([
    "content-type",
    "etag",
    "location",
    "retry-after",
    "x-cost",
  ]);
});
