import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { test } from "../support/fixture.ts";
import { root } from "../support/process.ts";

const FILES = {
  "/docs": /^text\/html/,
  "/docs/scalar.js": /^text\/javascript/,
  "/docs/reference.js": /^text\/javascript/,
  "/console": /^text\/html/,
  "/console/app.js": /^text\/javascript/,
  "/console/app.css": /^text\/css/,
  "/console/icon.svg": /^image\/svg/,
  "/problems": /^text\/html/,
  "/problems/not-found": /^text\/html/,
} as const;

describe("a file that the build wrote", () => {
  test("is kept by caches, which ask whether it has changed", async ({ client }) => {
    for (const [path, type] of Object.entries(FILES)) {
      const { status, headers } = await client.send("GET", path);
      expect([status, headers.get("cache-control")], path).toEqual([200, "no-cache"]);
      expect(headers.get("content-type"), path).toMatch(type);
      const etag = headers.get("etag") ?? "";
      expect(etag, path).toMatch(/^(W\/)?"[^"]+"$/);
      for (const known of [etag, `"other", ${etag}`, "*"]) {
        const again = await client.send("GET", path, { headers: { "if-none-match": known } });
        expect([again.status, again.text.length, again.headers.get("etag")], `${path} ${known}`).toEqual([
          304,
          0,
          etag,
        ]);
        expect(again.headers.get("cache-control"), path).toBe("no-cache");
      }
      const other = await client.send("GET", path, { headers: { "if-none-match": '"other"' } });
      expect(other.status, path).toBe(200);
    }
  });

  test("is served byte by byte as it was written", async ({ client }) => {
    for (const [path, file] of [
      ["/docs/scalar.js", "node_modules/@scalar/api-reference/dist/browser/standalone.js"],
      ["/docs/reference.js", "dist/assets/docs/reference.js"],
    ] as const) {
      const { text } = await client.send("GET", path);
      expect(text === (await readFile(join(root, file), "utf8")), path).toBe(true);
    }
  });

  test("has one address: no other name and no name around it is found", async ({ client }) => {
    for (const path of [
      "/docs/",
      "/docs.html",
      "/docs/scalar",
      "/docs/scalar.js/",
      "/docs/..%2Fopenapi.json",
      "/docs/%2e%2e%2fopenapi.json",
      "/docs/nothing.js",
      "/console/",
      "/console.html",
      "/console/nothing.js",
      "/console/..%2Fopenapi.json",
      "/problems/not-found.html",
    ]) {
      const reply = await client.send("GET", path);
      expect([path, reply.status]).toEqual([path, 404]);
      expect(reply.problem().code).toBe("not-found");
    }
  });
});
