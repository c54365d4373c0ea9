import { describe, expect } from "vitest";
import { Client } from "../support/client.ts";
import { test } from "../support/fixture.ts";

describe("pages of other origins", () => {
  test("may read nothing, and ask for nothing beforehand", async ({ client, stack }) => {
    const headers = { origin: "https://evil.example", "access-control-request-method": "POST" };
    for (const path of [
      "/v1/tasks",
      "/v1/signing-secret",
      "/admin/keys",
      "/healthz",
      "/openapi.json",
      "/internal/run",
    ]) {
      for (const method of ["GET", "OPTIONS", "HEAD"]) {
        for (const as of [client, new Client(stack.gateway)]) {
          const reply = await as.send(method, path, { headers });
          const names = [...reply.headers.keys()].filter((name) => name.startsWith("access-control"));
          expect(names, `${method} ${path}`).toEqual([]);
        }
      }
    }
  });

  test("find no cookie to ride on, and no script of ours to misuse", async ({ client }) => {
    for (const path of [
      "/problems",
      "/problems/not-found",
      "/problems?q=<script>alert(1)</script>",
      "/healthz",
    ]) {
      const { status, headers, text } = await client.send("GET", path);
      expect(status, path).toBe(200);
      expect(headers.get("set-cookie"), path).toBeNull();
      expect(headers.get("content-security-policy"), path).toMatch(/^default-src 'none'; (?!.*script-src)/);
      expect(text, path).not.toMatch(SCRIPT);
    }
  });
});

/** Ways by which a page runs a script. */
const SCRIPT = /<script|\bon[a-z]+=|javascript:/i;

describe("the reference", () => {
  test("runs the scripts of this origin and talks to this origin, and to nothing else", async ({
    client,
  }) => {
    for (const path of [
      "/docs",
      "/docs?q=<script>alert(1)</script>",
      "/docs?url=https://evil.example/api.json",
    ]) {
      const { status, headers, text } = await client.send("GET", path);
      expect(status, path).toBe(200);
      expect(headers.get("set-cookie"), path).toBeNull();
      expect(headers.get("content-security-policy")?.split("; ").sort(), path).toEqual([
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "img-src 'self' data:",
        "script-src 'self'",
        "style-src 'unsafe-inline'",
      ]);
      const scripts = [...text.matchAll(/<script src="([^"]+)"><\/script>/g)];
      expect(scripts.map(([, source]) => source)).toEqual(["docs/scalar.js", "docs/reference.js"]);
      expect(text.replace(/<script src="[^"]+"><\/script>/g, ""), path).not.toMatch(SCRIPT);
    }
  });

  test("has a policy that no other answer has, whatever its address looks like", async ({ client }) => {
    for (const path of [
      "/docs/",
      "/docs/scalar.js",
      "/docs/reference.js",
      "/docs/docs",
      "/docs.html",
      "/Docs",
      "/docs%2F",
      "/docs%00",
      "/problems/docs",
      "/v1/tasks?next=/docs",
      "/openapi.json",
    ]) {
      const { headers } = await client.send("GET", path);
      expect(headers.get("content-security-policy"), path).toMatch(/^default-src 'none'; (?!.*script-src)/);
    }
  });
});
