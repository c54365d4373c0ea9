import { describe, expect } from "vitest";
import * as z from "zod";
import type { Client } from "../support/client.ts";
import type { Task } from "../support/contract.ts";
import { test } from "../support/fixture.ts";
import { freePort } from "../support/process.ts";

const CSV = `region,units,price
south,3,1.50
north,10,2
"south",7,"2.5"
"north, upper",1,-4
`;

const run = async (client: Client, type: string, input: unknown, retries = 0): Promise<Task> =>
  client.ended((await client.submit({ type, input, retries })).id, 30_000);

describe("report.generate", () => {
  const aggregate = { units: "sum", price: "avg" };
  const groups = [
    { key: "north", units: 10, price: 2 },
    { key: "north, upper", units: 1, price: -4 },
    { key: "south", units: 10, price: 2 },
  ];

  test("groups and aggregates a CSV that comes with the task, and renders it", async ({ client }) => {
    const task = await run(client, "report.generate", { csv: CSV, groupBy: "region", aggregate });
    expect(task.error).toBeUndefined();
    const result = z
      .object({ rows: z.int(), groups: z.array(z.unknown()), html: z.string() })
      .parse(task.result);
    expect(result.rows).toBe(4);
    expect(result.groups).toEqual(groups);
    expect(result.html).toContain("<table");
    expect(result.html).toContain("north, upper");
  });

  test("reads a CSV by URL, following redirects, line by line", async ({ client, receiver }) => {
    const lines = Array.from({ length: 20_000 }, (_, n) => `k${n % 3},${n}`).join("\r\n");
    const file = receiver.open([
      { body: `\ufeffkey,n\r\n${lines}`, headers: { "content-type": "text/csv" } },
    ]);
    const moved = receiver.open([{ status: 302, headers: { location: file.url } }]);
    const task = await run(client, "report.generate", {
      csvUrl: moved.url,
      groupBy: "key",
      aggregate: { n: "max" },
    });
    expect(task.result).toMatchObject({
      rows: 20_000,
      groups: [
        { key: "k0", n: 19_998 },
        { key: "k1", n: 19_999 },
        { key: "k2", n: 19_997 },
      ],
    });
  });

  test("every aggregate", async ({ client }) => {
    for (const [kind, expected] of [
      ["sum", 10],
      ["avg", 5],
      ["min", 3],
      ["max", 7],
      ["count", 2],
    ] as const) {
      const input = { csv: CSV, groupBy: "region", aggregate: { units: kind } };
      const task = await run(client, "report.generate", input);
      expect(task.result, kind).toMatchObject({ groups: [{}, {}, { key: "south", units: expected }] });
    }
  });

  test("nothing from the file becomes markup in the report", async ({ client }) => {
    const csv = "who,n\n<script>alert(1)</script>,1\n";
    const task = await run(client, "report.generate", { csv, groupBy: "who", aggregate: { n: "sum" } });
    expect(task.result).toMatchObject({ groups: [{ key: "<script>alert(1)</script>" }] });
    expect(JSON.stringify(task.result)).not.toMatch(/html.*<script>/);
  });

  const broken: readonly [what: string, csv: string, line: string | undefined][] = [
    ["a missing column", "region,amount\nsouth,1\n", undefined],
    ["a value that is no number", "region,units,price\nsouth,3,1\nnorth,many,1\n", "3"],
    ["a broken quote", 'region,units,price\nsouth,3,1\n"north,4,1\n', "3"],
  ];
  for (const [what, csv, line] of broken) {
    test(`${what} fails it for good`, async ({ client }) => {
      const task = await run(client, "report.generate", { csv, groupBy: "region", aggregate }, 3);
      expect(task).toMatchObject({
        status: "failed",
        attempt: 1,
        error: { code: "invalid-csv", retryable: false },
      });
      if (line) expect(task.error?.message).toMatch(new RegExp(`\\bline ${line}\\b`, "i"));
    });
  }

  test("a file that cannot be had fails it, worth another attempt", async ({ client, receiver }) => {
    const file = receiver.open([{ status: 503 }, { body: CSV }]);
    const task = await run(client, "report.generate", { csvUrl: file.url, groupBy: "region", aggregate }, 1);
    expect(task).toMatchObject({ status: "succeeded", attempt: 2, result: { groups } });
  });

  test("a redirect to an unsafe address is refused on the way", async ({ client, receiver }) => {
    const file = receiver.open([{ status: 302, headers: { location: "http://169.254.169.254/latest" } }]);
    const task = await run(client, "report.generate", { csvUrl: file.url, groupBy: "region", aggregate }, 3);
    expect(task).toMatchObject({
      status: "failed",
      attempt: 1,
      error: { code: "csv-unavailable", retryable: false },
    });
  });
});

describe("links.check", () => {
  test("tells good links from broken ones", async ({ client, receiver }) => {
    const good = receiver.open();
    const moved = receiver.open([{ status: 301, headers: { location: good.url } }]);
    const missing = receiver.open([{ status: 404 }]);
    const slow = receiver.open([{ hang: true }]);
    const refused = `http://127.0.0.1:${await freePort()}/`;
    const task = await run(client, "links.check", {
      urls: [good.url, moved.url, missing.url, slow.url, refused],
      timeout: "1s",
    });
    expect(task.status).toBe("succeeded");
    const result = z
      .object({ checked: z.int(), ok: z.int(), broken: z.array(z.looseObject({ url: z.string() })) })
      .parse(task.result);
    expect(result).toMatchObject({ checked: 5, ok: 2 });
    expect(result.broken.map((one) => one.url)).toEqual([missing.url, slow.url, refused]);
    expect(result.broken[0]).toMatchObject({ status: 404 });
    expect(result.broken[1]).toMatchObject({ error: expect.stringContaining("timeout") });
    expect(result.broken[2]).toMatchObject({ error: expect.any(String) });
  });

  test("an unsafe link is refused when the task is submitted", async ({ client, receiver }) => {
    const urls = [receiver.open().url, "http://169.254.169.254/"];
    const reply = await client.send("POST", "/v1/tasks", { body: { type: "links.check", input: { urls } } });
    expect(reply.problem()).toMatchObject({ status: 422, errors: [{ pointer: "#/input/urls/1" }] });
  });

  test("more than 100 links are refused", async ({ client }) => {
    const urls = Array.from({ length: 101 }, (_, n) => `http://127.0.0.1:1/${n}`);
    const reply = await client.send("POST", "/v1/tasks", { body: { type: "links.check", input: { urls } } });
    expect(reply.problem()).toMatchObject({ code: "invalid-request", errors: [{ pointer: "#/input/urls" }] });
  });
});

describe("diagnostics.echo", () => {
  test("gives back whatever JSON can say", async ({ client }) => {
    const values = [
      null,
      "",
      0,
      -1.5e-300,
      [],
      {},
      "\u0000\u2028\ud83d\ude00",
      { __proto__x: 1, "a.b": [null] },
    ];
    for (const value of values) expect((await run(client, "diagnostics.echo", value)).result).toEqual(value);
  });
});
