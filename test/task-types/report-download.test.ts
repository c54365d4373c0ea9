import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { reportGenerate } from "../../src/task-types/report-generate.ts";
import { type Answer, serve } from "../egress/local-server.ts";
import { run, taskError } from "./context.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const options = { groupBy: "g", aggregate: { n: "sum" } };
const type = { "content-type": "text/csv" };

async function fail(answer: Answer) {
  return await taskError(run(reportGenerate, { ...options, csvUrl: await serve(answer) }));
}

describe("a CSV by URL", () => {
  it("is read as one that comes with the input, redirects followed, with progress", async () => {
    const csv = `g,n\n${Array.from({ length: 20_000 }, (_, index) => `k${index % 7},1`).join("\r\n")}`;
    const url = await serve((request, response) => {
      if (request.url === "/x.csv") response.writeHead(302, { location: "/y.csv" }).end();
      else response.writeHead(200, { ...type, "content-length": csv.length }).end(csv);
    });
    const seen: number[] = [];
    const progress = ({ percent }: { percent?: number }) => seen.push(percent ?? -1);
    const result = await run(reportGenerate, { ...options, csvUrl: `${url}/x.csv` }, { progress });
    expect(result).toEqual(await run(reportGenerate, { ...options, csv }));
    expect(seen.at(-1)).toBe(99);
    expect(seen).toEqual(seen.toSorted((left, right) => left - right));
  });

  it("is streamed: of megabytes that pass, the groups alone stay in memory", async () => {
    const rows = `,"a,${"x".repeat(80)}",1\n`;
    const blocks = 400; // of 100 KB, each with a group of its own
    const csv = function* () {
      yield "g,t,n\n";
      for (let sent = 0; sent < blocks; sent += 1) {
        const key = `a key that is long enough to be a slice of its piece ${sent}`;
        yield Array.from({ length: 1_000 }, (_, index) => (index === 0 ? key : "most") + rows).join("");
      }
    };
    const url = await serve((_request, response) => {
      Readable.from(csv()).pipe(response.writeHead(200, type));
    });
    const kept = () => {
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = kept();
    let calls = 0;
    // Memory of earlier files may be freed meanwhile: the difference may be negative.
    let highest = Number.NEGATIVE_INFINITY;
    const progress = () => {
      calls += 1;
      if (calls % 100 === 0) highest = Math.max(highest, kept() - before);
    };
    const result = await run(reportGenerate, { ...options, csvUrl: url }, { progress });
    expect(result).toMatchObject({ rows: 1_000 * blocks });
    expect(calls).toBeGreaterThan(200);
    expect(Number.isFinite(highest)).toBe(true);
    expect(highest).toBeLessThan(10 * 1024 * 1024);
  });

  it("is decoded by its charset, with or without a byte order mark", async () => {
    const latin = await serve((_request, response) => {
      const headers = { "content-type": 'text/csv; charset="iso-8859-1"' };
      response.writeHead(200, headers).end(Buffer.from("g,n\nä,1", "latin1"));
    });
    expect(await run(reportGenerate, { ...options, csvUrl: latin })).toMatchObject({
      groups: [{ key: "ä", n: 1 }],
    });
    const wide = await serve((_request, response) => {
      response.writeHead(200, { "content-type": "text/csv; charset=utf-16le" });
      response.end(Buffer.from("\ufeffg,n\nä,1", "utf16le"));
    });
    expect(await run(reportGenerate, { ...options, csvUrl: wide })).toMatchObject({
      groups: [{ key: "ä", n: 1 }],
    });
  });

  it.each([
    ["bytes that are no text", type],
    ["an unknown charset", { "content-type": "text/csv; charset=klingon" }],
  ])("with %s is invalid", async (_name, headers) => {
    const error = await fail((_request, response) =>
      response.writeHead(200, headers).end(Buffer.from("g,n\n\xe4,1", "latin1")),
    );
    expect([error.code, error.retryable]).toEqual(["invalid-csv", false]);
  });

  it("that is broken is told with its line, and the rest is not read", async () => {
    let closed = false;
    const error = await fail((_request, response) => {
      response.on("close", () => {
        closed = true;
      });
      response.writeHead(200, type).write("g,n\na,1\nb,x\n");
      const timer = setInterval(() => response.write("c,1\n"), 5);
      response.on("close", () => clearInterval(timer));
    });
    expect(error).toMatchObject({ code: "invalid-csv", retryable: false });
    expect(error.message).toContain("Line 3");
    await expect.poll(() => closed).toBe(true);
  });
});

describe("csv-unavailable", () => {
  it.each([
    [500, true],
    [503, true],
    [429, true],
    [408, true],
    [404, false],
    [403, false],
    [410, false],
  ])("%d: retryable %s", async (status, retryable) => {
    const error = await fail((_request, response) =>
      response.writeHead(status, { "retry-after": "7" }).end("no"),
    );
    expect(error).toMatchObject({ code: "csv-unavailable", retryable, retryAfter: 7_000 });
    expect(error.message).toContain(String(status));
  });

  it("Retry-After may be a date, or missing", async () => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    const dated = await fail((_request, response) => response.writeHead(503, { "retry-after": date }).end());
    expect(dated.retryAfter).toBeGreaterThan(50_000);
    expect((await fail((_request, response) => response.writeHead(503).end())).retryAfter).toBeUndefined();
  });

  it("a connection that fails or breaks off is worth another attempt", async () => {
    const refused = await taskError(run(reportGenerate, { ...options, csvUrl: "http://127.0.0.1:9/" }));
    expect(refused).toMatchObject({ code: "csv-unavailable", retryable: true });
    const broken = await fail((_request, response) => {
      response.writeHead(200, { ...type, "content-length": 1_000 });
      response.write("g,n\na,1\n", () => setTimeout(() => response.destroy(), 30));
    });
    expect(broken).toMatchObject({ code: "csv-unavailable", retryable: true });
  });

  it("an unsafe address is not, even when a redirect leads there", async () => {
    const unsafe = await taskError(run(reportGenerate, { ...options, csvUrl: "http://169.254.169.254/" }));
    expect(unsafe).toMatchObject({ code: "csv-unavailable", retryable: false });
    const hop = await fail((_request, response) =>
      response.writeHead(302, { location: "http://169.254.1.1/" }).end(),
    );
    expect(hop).toMatchObject({ code: "csv-unavailable", retryable: false });
  });
});

describe("the signal", () => {
  it("ends a download with its own reason, and the server sees it", async () => {
    let closed = false;
    const url = await serve((_request, response) => {
      response.writeHead(200, type).write("g,n\na,1\n");
      response.on("close", () => {
        closed = true;
      });
    });
    const controller = new AbortController();
    const reason = new Error("canceled");
    const running = run(reportGenerate, { ...options, csvUrl: url }, { signal: controller.signal });
    await Promise.all([expect(running).rejects.toBe(reason), sleep(60).then(() => controller.abort(reason))]);
    await expect.poll(() => closed).toBe(true);
  });

  it("is heard before a CSV that came with the input is read", async () => {
    const reason = new Error("canceled");
    const running = run(
      reportGenerate,
      { ...options, csv: "g,n\na,1" },
      { signal: AbortSignal.abort(reason) },
    );
    await expect(running).rejects.toBe(reason);
  });
});
