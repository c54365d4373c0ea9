import { describe, expect } from "vitest";
import { test } from "../support/fixture.ts";

// The documentation as the gateway serves it.

const FILES = {
  "/docs/guides": "text/html",
  "/docs/guides/deploy": "text/html",
  "/docs/guides/deploy.md": "text/markdown",
  "/docs/guides/index.md": "text/markdown",
  "/docs/guides/operations/doctor": "text/html",
  "/docs/guides/operations/doctor.md": "text/markdown",
  "/docs/guides/examples": "text/html",
  "/docs/guides/examples/bulk-mail": "text/html",
  "/docs/guides/style.css": "text/css",
  "/docs/guides/search.js": "text/javascript",
  "/docs/guides/search.json": "application/json",
  "/docs/guides/images/console-overview.webp": "image/webp",
  "/docs/guides/images/performance.svg": "image/svg+xml",
} as const;

describe("the documentation", () => {
  test("is served as pages and as Markdown, and is kept by caches that ask again", async ({ client }) => {
    for (const [path, type] of Object.entries(FILES)) {
      const { status, headers, text } = await client.send("GET", path);
      expect([path, status, headers.get("cache-control")]).toEqual([path, 200, "no-cache"]);
      expect([type, `${type}; charset=utf-8`], path).toContain(headers.get("content-type"));
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(text.length, path).toBeGreaterThan(100);
      const known = { headers: { "if-none-match": headers.get("etag") ?? "" } };
      expect((await client.send("GET", path, known)).status, path).toBe(304);
    }
  });

  test("runs under a policy without inline code and without another host", async ({ client }) => {
    for (const path of ["/docs/guides", "/docs/guides/deploy", "/docs/guides/operations/doctor"]) {
      const { headers } = await client.send("GET", path);
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
    }
  });

  test("has drawings whose own style is allowed, and nothing else", async ({ client }) => {
    const { headers } = await client.send("GET", "/docs/guides/images/performance.svg");
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'unsafe-inline'; base/,
    );
  });

  test("needs no key, and takes no other method", async ({ client }) => {
    const anonymous = { headers: { authorization: "" } };
    expect((await client.send("GET", "/docs/guides/deploy", anonymous)).status).toBe(200);
    const reply = await client.send("POST", "/docs/guides/deploy");
    expect([reply.status, reply.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });

  test("has one address for each page", async ({ client }) => {
    for (const path of [
      "/docs/guides/",
      "/docs/guides.html",
      "/docs/guides/deploy/",
      "/docs/guides/deploy.html",
      "/docs/guides/operations",
      "/docs/guides/nothing",
      "/docs/guides/nothing.md",
      "/docs/guides/..%2Fdocs.html",
      "/docs/guides/operations/..%2F..%2Fllms.txt",
      "/docs/guides/operations/doctor/more",
    ]) {
      const reply = await client.send("GET", path);
      expect([path, reply.status, reply.problem().code]).toEqual([path, 404, "not-found"]);
    }
  });

  test("is listed for programs in /llms.txt, by absolute addresses that all answer with Markdown", async ({
    client,
  }) => {
    const list = await client.send("GET", "/llms.txt");
    expect([list.status, list.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
    expect(list.text).toMatch(/^# Ringback\n\n> /);
    const links = [...list.text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = ""]) => target);
    expect(links.length).toBeGreaterThan(45);
    for (const link of links) {
      expect(link.startsWith(`${client.url}/`), link).toBe(true);
      const { status, headers, text } = await client.send("GET", link.slice(client.url.length));
      expect([link, status]).toEqual([link, 200]);
      if (!link.endsWith(".md")) continue;
      expect(headers.get("content-type"), link).toMatch(/^text\/markdown/);
      expect(text, link).toMatch(/^# /);
    }
    const again = await client.send("GET", "/llms.txt", {
      headers: { "if-none-match": list.headers.get("etag") ?? "" },
    });
    expect(again.status).toBe(304);
  });
});
