import { describe, expect, test } from "vitest";
import { pathFault, pollTarget } from "../../src/services/path.ts";
import type { Service } from "../../src/services/service.ts";

const service = { baseUrl: "https://api.example.com/base", paths: ["/v1/", "/v2/only"] };

const SLASH = "must not have an encoded slash or control character";
const DOTS = "must not have a dot segment";
const ENCODE = "has characters that must be percent-encoded";
const ESCAPE = "has a % that begins no escape";
const UTF8 = "has escapes that are not UTF-8";
const NESTED = "must not have an escape within an escape";
const END = "must not have a segment that ends with a dot";
const EMPTY = "must not have an empty segment";
const ELSEWHERE = "is not under a path of this service";
const QUEUE = "has a parameter whose name is the queue's";

describe("a path that may be called", () => {
  for (const path of [
    "/v1/",
    "/v1/x",
    "/v1/x/",
    "/v1/a/b/c.json",
    "/v1/.well-known/x",
    "/v1/...",
    "/v1/a..b",
    "/v1/..a",
    "/v1/x;v=1",
    "/v1/~user/@me/a:b",
    "/v1/a,b;c=d!$&'()*+",
    "/v1/%20",
    "/v1/%C3%A4",
    "/v1/%e2%82%ac",
    "/v1/100%25",
    "/v1/x?",
    "/v1/x?a=1&b=2",
    "/v1/x?a[]=1&b[c]=2",
    "/v1/x?q=%2F%2e%2e%2f",
    "/v1/x?url=https://example.com/a?b=c",
    "/v1/x?upstash=1&token=2",
    "/v2/only",
    "/v2/only/x",
    "/v2/only?x=1",
    `/v1/${"x".repeat(4_092)}`,
  ]) {
    test(path.slice(0, 60), () => {
      expect(pathFault(service, path)).toBeUndefined();
    });
  }
});

describe("a path that is refused", () => {
  for (const [path, fault] of [
    ["", "must begin with a slash"],
    ["v1/x", "must begin with a slash"],
    ["https://attacker.example/v1/", "must begin with a slash"],
    ["//attacker.example/v1/", EMPTY],
    ["/v1//x", EMPTY],
    ["/v1", ELSEWHERE],
    ["/v10/x", ELSEWHERE],
    ["/V1/x", ELSEWHERE],
    ["/v3/x", ELSEWHERE],
    ["/v2/only2", ELSEWHERE],
    ["/v2/onl", ELSEWHERE],
    ["/", ELSEWHERE],
    ["/%761/x", ELSEWHERE],
    ["/v1/..", DOTS],
    ["/v1/.", DOTS],
    ["/v1/../admin", DOTS],
    ["/v1/./x", DOTS],
    ["/v1/%2e%2e/admin", DOTS],
    ["/v1/%2E./admin", DOTS],
    ["/v1/.%2e/admin", DOTS],
    ["/v1/..;/admin", DOTS],
    ["/v1/.;a=b/admin", DOTS],
    ["/v1/%e2%80%a5/admin", DOTS],
    ["/v1/%ef%bc%8e%ef%bc%8e/admin", DOTS],
    ["/v1/..%20", END],
    ["/v1/..%20/admin", END],
    ["/v1/%20../admin", END],
    ["/v1/..%20;a=b/admin", END],
    ["/v1/.%20./admin", END],
    ["/v1/..%c2%a0/admin", END],
    ["/v1/..%e3%80%80/admin", END],
    ["/v1/.%20/admin", END],
    ["/v1/admin.", END],
    ["/v1/admin..%20/x", END],
    ["/v1/%e2%80%8b../admin", DOTS],
    ["/v1/.%c2%ad./admin", DOTS],
    ["/v1/..%ef%bb%bf/admin", DOTS],
    ["/v1/%e3%80%82%e3%80%82/admin", DOTS],
    ["/v1/;a=b/admin", EMPTY],
    ["/v1/%e2%80%8b/admin", EMPTY],
    ["/v1/..%09", SLASH],
    ["/v1/..%0b/admin", SLASH],
    ["/v1/..%c2%85/admin", SLASH],
    ["/v1/a%e2%88%95b", SLASH],
    ["/v1/a%e2%81%84b", SLASH],
    ["/v1/a%ef%bc%bcb", SLASH],
    ["/v1/%25u002e%25u002e/admin", NESTED],
    ["/v1/%e0%80%ae%e0%80%ae/x", UTF8],
    ["/v1/..%2fadmin", SLASH],
    ["/v1/a%2Fb", SLASH],
    ["/v1/a%5cb", SLASH],
    ["/v1/a%ef%bc%8fb", SLASH],
    ["/v1/a%00", SLASH],
    ["/v1/a%0d%0ax", SLASH],
    ["/v1/a%7f", SLASH],
    ["/v1/%252e%252e/admin", NESTED],
    ["/v1/a%252fb", NESTED],
    ["/v1/%c0%ae%c0%ae/x", UTF8],
    ["/v1/%ff", UTF8],
    ["/v1/%ed%a0%80", UTF8],
    ["/v1/%", ESCAPE],
    ["/v1/%2", ESCAPE],
    ["/v1/%zz", ESCAPE],
    ["/v1/x?a=%g0", ESCAPE],
    ["/v1/a b", ENCODE],
    ["/v1/a\\b", ENCODE],
    ["/v1/\\..\\admin", ENCODE],
    ["/v1/a\tb", ENCODE],
    ["/v1/a\r\nHost: x", ENCODE],
    ["/v1/ä", ENCODE],
    ["/v1/{id}", ENCODE],
    ['/v1/"', ENCODE],
    ["/v1/x?a=b'c", ENCODE],
    ["/v1/x?a=b c", ENCODE],
    ["/v1/x#a", "must not have a fragment"],
    ["/v1/x?a#b", "must not have a fragment"],
    ["/v1/x?upstash-retries=9", QUEUE],
    ["/v1/x?a=1&Upstash-Method=GET", QUEUE],
    ["/v1/x?%75pstash-delay=1d", QUEUE],
    ["/v1/x?+upstash-delay=1d", QUEUE],
    ["/v1/x?a;upstash-delay=1d", QUEUE],
    ["/v1/x?qstash_token=x", QUEUE],
    ["/v1/x?%ff=1", UTF8],
    [`/v1/${"x".repeat(4_093)}`, "must have at most 4096 characters"],
  ] as const) {
    test(JSON.stringify(path.slice(0, 60)), () => {
      expect(pathFault(service, path)).toBe(fault);
    });
  }
});

describe("where a service is polled", () => {
  const polled: Pick<Service, "baseUrl"> = service;
  const target = (location: string) =>
    pollTarget(polled as Service, location, "https://api.example.com/base/v1/jobs?a=1"); // only its origin is looked at

  for (const [location, url] of [
    ["/jobs/1", "https://api.example.com/jobs/1"],
    ["jobs/1", "https://api.example.com/base/v1/jobs/1"],
    ["../jobs/1?x=2", "https://api.example.com/base/jobs/1?x=2"],
    ["?page=2", "https://api.example.com/base/v1/jobs?page=2"],
    ["https://api.example.com/jobs/1#top", "https://api.example.com/jobs/1"],
    ["//api.example.com/jobs/1", "https://api.example.com/jobs/1"],
    ["HTTPS://API.example.com:443/jobs/1", "https://api.example.com/jobs/1"],
  ] as const) {
    test(`${location} is ${url}`, () => {
      expect(target(location)).toBe(url);
    });
  }

  for (const location of [
    "https://attacker.example/jobs/1",
    "http://api.example.com/jobs/1",
    "https://api.example.com:8443/jobs/1",
    "https://api.example.com.attacker.example/",
    "https://user:secret@api.example.com/jobs/1",
    "https://user@api.example.com/jobs/1",
    "//attacker.example/jobs/1",
    "\\\\attacker.example\\jobs",
    "/jobs/1?upstash-delay=1d",
    "/jobs/%2f",
    "/jobs/ 1",
    "javascript:alert(1)",
    "http://[",
  ]) {
    test(`${location} is refused`, () => {
      expect(target(location)).toBeUndefined();
    });
  }
});
