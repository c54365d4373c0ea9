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
      "/docs",
      "/problems",
      "/problems/not-found",
      "/docs?q=<script>alert(1)</script>",
      "/healthz",
    ]) {
      const { status, headers, text } = await client.send("GET", path);
      expect(status, path).toBe(200);
      expect(headers.get("set-cookie"), path).toBeNull();
      expect(headers.get("content-security-policy"), path).toMatch(/^default-src 'none'; (?!.*script-src)/);
      expect(text, path).not.toMatch(/<script|\bon[a-z]+=|javascript:/i);
    }
  });
});
