import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { ago, percent, shellQuote, span } from "../../src/console/format.ts";
import { costOf, LIST_PRICES } from "../../src/console/pages/cost/price.ts";
import { groupsOf } from "../../src/console/pages/dead-letters/groups.ts";
import { talliesOf } from "../../src/console/pages/overview/tallies.ts";
import { curlOf } from "../../src/console/pages/task/curl.ts";
import { bulkFilterOf, faultIn, filterIn, inWords, queryOf } from "../../src/console/pages/tasks/filter.ts";
import { placeIn, to } from "../../src/console/router.ts";
import { taskExample } from "../../src/tasks/schema.ts";

const NOW = Date.parse("2026-11-24T09:00:00.000Z");

test("lengths of time are said in their two largest units", () => {
  expect([0, 350, 1_500, 65_000, 3_600_000, 90_061_000].map(span)).toEqual([
    ...["0 ms", "350 ms", "1.5 s", "1 min 5 s", "1 h", "1 d 1 h"],
  ]);
  expect([ago(NOW - 65_000, NOW), ago(NOW + 65_000, NOW), ago(NOW, NOW)]).toEqual([
    "1 min ago",
    "in 1 min",
    "now",
  ]);
  expect([percent(0), percent(0.034), percent(0.5)]).toEqual(["0 %", "3.4 %", "50 %"]);
});

describe("an address of the console", () => {
  test("comes back as it was, with any text in its parts", () => {
    for (const part of ["task_1", "a/b", "ä?#&=%", "<script>"]) {
      expect(placeIn(to(["tasks", part], { metadata: `k=${part}` }))).toEqual({
        path: ["tasks", part],
        query: { metadata: `k=${part}` },
      });
    }
  });

  test("that is no encoding stays a text", () => {
    expect(placeIn("#/tasks/%E0%A4%A").path).toEqual(["tasks", "%E0%A4%A"]);
  });
});

describe("a filter", () => {
  const filter = filterIn({ status: "failed", type: "a.b", metadata: "order=o=1", since: "24h" });

  test("becomes the query of a list", () => {
    expect(queryOf(filter, NOW)).toEqual({
      status: "failed",
      type: "a.b",
      "metadata[order]": "o=1",
      createdAfter: "2026-11-23T09:00:00.000Z",
      createdBefore: undefined,
    });
  });

  test("becomes that of a bulk action, which is never without one by accident", () => {
    expect(bulkFilterOf(filter, NOW)).toEqual({
      status: "failed",
      type: "a.b",
      metadata: { order: "o=1" },
      createdAfter: "2026-11-23T09:00:00.000Z",
    });
    expect(bulkFilterOf(filterIn({}), NOW)).toEqual({ all: true });
    expect(inWords(filterIn({}))).toBe("every task of the project");
  });
});

test("a filter that is misunderstood is a fault, and never a wider filter", () => {
  for (const query of [
    { metadata: "orderId" },
    { metadata: "=x" },
    { since: "yesterday" },
    { until: "soon" },
  ]) {
    expect(faultIn(filterIn({ status: "failed", ...query }))).toBeDefined();
  }
  for (const query of [{}, { metadata: "a=" }, { since: "24h" }, { since: "2026-11-24T09:00" }]) {
    expect(faultIn(filterIn(query))).toBeUndefined();
  }
});

test("the copied command sends what was submitted, with any text in it", () => {
  const input = { text: `it's "$HOME" \\ \n <b>` };
  const command = curlOf("https://ringback.example.com", { ...taskExample, input });
  const words = execFileSync("sh", ["-c", `set -- ${command.slice("curl ".length)}; printf '%s' "$7"`], {
    encoding: "utf8",
    env: { RINGBACK_API_KEY: "rb_x" },
  });
  expect(JSON.parse(words)).toMatchObject({ type: taskExample.type, input, retries: 3 });
  expect(shellQuote("a'b")).toBe("'a'\\''b'");
});

test("the type with the largest share of failures comes first", () => {
  const task = (type: string, status: "succeeded" | "failed" | "canceled" | "running", code = "x") => ({
    type,
    status,
    done: status !== "running",
    ...(status === "failed" && { error: { code, message: "", retryable: false } }),
  });
  const tallies = talliesOf([
    ...[task("good", "succeeded"), task("good", "succeeded"), task("good", "running")],
    ...[task("bad", "failed", "timeout"), task("bad", "succeeded"), task("bad", "canceled")],
  ]);
  expect(tallies.map(({ type, ended, failed }) => [type, ended, failed])).toEqual([
    ["bad", 2, 1],
    ["good", 2, 0],
  ]);
  expect([...(tallies[0]?.codes ?? [])]).toEqual([["timeout", 1]]);
});

test("dead letters are grouped by reason and receiver, the largest group first", () => {
  const letter = (url: string, code?: string, endpointId?: string) => ({
    id: "del_01kawv0m1ne0p86qyrcy9ba2z4",
    eventId: "evt_01kawv0m1ne0qtrn9tkp0h7k2v",
    eventType: "task.failed",
    url,
    status: "dead" as const,
    createdAt: "2026-11-24T09:00:00.000Z",
    attemptCount: 9,
    ...(endpointId !== undefined && { endpointId }),
    ...(code !== undefined && { lastError: { code, message: "It failed." } }),
  });
  const groups = groupsOf([
    letter("https://a.example.com/1", "timeout"),
    letter("https://b.example.com/1", "http-5xx", "ep_1"),
    letter("https://b.example.com/2", "http-5xx", "ep_1"),
    letter("no address"),
  ]);
  expect(groups.map(({ code, receiver, letters }) => [code, receiver, letters.length])).toEqual([
    ["http-5xx", "b.example.com", 2],
    ["timeout", "a.example.com", 1],
    ["unknown", "no address", 1],
  ]);
});

test("a thousand tasks that go well cost what the page on storage counts", () => {
  const cost = costOf({ tasks: 1_000, callbacks: 1, attempts: 1 }, LIST_PRICES);
  expect(cost).toMatchObject({ commands: 30_000, messages: 1_000, requests: 2_000 });
  expect(cost.money).toBeCloseTo(0.0706, 6);
});
