import { describe, expect, it } from "vitest";
import { readCapped, readPatiently } from "../../src/adapters/egress/fetch-body.ts";
import { failure, fetcher, serve } from "./local-server.ts";

describe("the beginning of a body", () => {
  it.each([
    ["shorter", "abc", 4, "abc", false],
    ["as long", "abcd", 4, "abcd", false],
    ["longer", "abcde", 4, "abcd", true],
    ["a cut character is left out", "abc\u00e9", 4, "abc", true],
    ["a whole character is kept", "ab\u00e9", 4, "ab\u00e9", false],
    ["nothing", "", 4, "", false],
  ])("%s", async (_name, sent, max, text, truncated) => {
    expect(await readCapped(new Response(sent), max)).toEqual({ text, truncated });
  });

  it("is put together from chunks, whatever the runtime's, and has no body at all in a 204", async () => {
    const bytes = new TextEncoder().encode("a\u20acb\u20acc");
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    expect(await readCapped(new Response(stream), 7)).toEqual({ text: "a\u20acb", truncated: true });
    expect(await readCapped(new Response(null, { status: 204 }), 7)).toEqual({ text: "", truncated: false });
  });

  it("gives up the rest: an endless body ends", async () => {
    let closed = false;
    const url = await serve((_request, response) => {
      const timer = setInterval(() => response.write("x".repeat(1024)), 1);
      response.on("close", () => {
        clearInterval(timer);
        closed = true;
      });
    });
    const read = await fetcher.read(await fetcher.fetch(url, { redirect: "manual" }), 4_096, 5_000);
    expect([read.text.length, read.truncated]).toEqual([4_096, true]);
    await expect.poll(() => closed).toBe(true);
  });

  it("says response-aborted when the body breaks off, and timeout when the caller's signal ran out", async () => {
    const breaking = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("abc", () => setTimeout(() => response.destroy(), 30));
    });
    const broken = readCapped(await fetcher.fetch(breaking, { redirect: "manual" }), 4_096);
    expect((await failure(broken)).code).toBe("response-aborted");
    const stalling = await serve((_request, response) => response.writeHead(200).write("abc"));
    const signal = AbortSignal.timeout(200);
    const stalled = readCapped(await fetcher.fetch(stalling, { redirect: "manual", signal }), 4_096);
    expect((await failure(stalled)).code).toBe("timeout");
  });

  it("that decides nothing keeps what has come: broken off, cut by the caller's signal, or too slow", async () => {
    const breaking = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("abc", () => setTimeout(() => response.destroy(), 30));
    });
    const kept = { text: "abc", truncated: true };
    const broken = await fetcher.fetch(breaking, { redirect: "manual" });
    expect(await readPatiently(broken, 4_096, 5_000)).toEqual(kept);
    const stalling = await serve((_request, response) => response.writeHead(200).write("abc"));
    const signal = AbortSignal.timeout(200);
    const stalled = await fetcher.fetch(stalling, { redirect: "manual", signal });
    expect(await readPatiently(stalled, 4_096, 5_000)).toEqual(kept);
    const slow = await fetcher.fetch(stalling, { redirect: "manual" });
    expect(await readPatiently(slow, 4_096, 100)).toEqual(kept);
  });

  it("that decides nothing and cannot be decoded is nothing", async () => {
    const corrupt = await serve((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end("no gzip");
    });
    const response = await fetcher.fetch(corrupt, { redirect: "manual" });
    expect(await readPatiently(response, 4_096, 5_000)).toEqual({ text: "", truncated: true });
  });
});
