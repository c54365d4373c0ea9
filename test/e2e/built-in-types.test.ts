import { describe, expect } from "vitest";
import type { Client } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { handOn } from "../support/waiting.ts";

// One test per built-in task type, over HTTP; test/task-types/index.test.ts names a type that has none.
// `http.request` needs configured services: services.test.ts has it.

describe("task types that come with it", () => {
  const run = async (client: Client, type: string, input: unknown, retries = 0) =>
    client.ended((await client.submit({ type, input, retries })).id, 30_000);

  test("report.generate", async ({ client }) => {
    const input = {
      csv: "region,units\nsouth,3\nnorth,4\nsouth,1\n",
      groupBy: "region",
      aggregate: { units: "sum" },
    };
    expect((await run(client, "report.generate", input)).result).toMatchObject({
      rows: 3,
      groups: [
        { key: "north", units: 4 },
        { key: "south", units: 4 },
      ],
      html: expect.stringContaining("<table"),
    });
    const broken = await run(client, "report.generate", { ...input, csv: "region,units\nsouth,three\n" });
    expect(broken.error).toMatchObject({ code: "invalid-csv", message: expect.stringContaining("2") });
  });

  test("links.check", async ({ client, receiver }) => {
    const [fine, gone] = [receiver.open(), receiver.open([{ status: 404 }])];
    const { result } = await run(client, "links.check", { urls: [fine.url, gone.url] });
    expect(result).toEqual({ checked: 2, ok: 1, broken: [{ url: gone.url, status: 404 }] });
  });

  test("diagnostics.echo", async ({ client }) => {
    expect((await run(client, "diagnostics.echo", [1, "two", null])).result).toEqual([1, "two", null]);
  });

  test("diagnostics.flaky", async ({ client }) => {
    const task = await run(client, "diagnostics.flaky", { failures: 1, payload: "x" }, 1);
    expect(task).toMatchObject({ status: "succeeded", attempt: 2, result: { attempt: 2, payload: "x" } });
  });

  test("diagnostics.wait", async ({ client, receiver }) => {
    const { id, bearer } = await handOn(client, receiver, {});
    expect((await bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: "done" } })).status).toBe(
      200,
    );
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", result: "done" });
  });
});
