import { describe, expect, test } from "vitest";
import * as z from "zod/v4/core";
import { httpRequestTask } from "../../src/services/http-request.ts";
import type { Service } from "../../src/services/service.ts";

const service: Service = {
  name: "render",
  baseUrl: "https://render.example.com",
  methods: ["POST"],
  paths: ["/v1/"],
  headers: {},
  requestHeaders: [],
  responseHeaders: [],
  timeout: 60_000,
  retries: 3,
  completion: "none",
  poll: { interval: 5_000, pending: [] },
  responseLimit: 1_024,
};
const { input } = httpRequestTask(new Map([[service.name, service]]));

function faultsOf(headers: Readonly<Record<string, string>>) {
  const request = { service: "render", method: "POST", path: "/v1/jobs", headers };
  const parsed = z.safeParse(input, request);
  return parsed.success ? [] : parsed.error.issues.map(({ path }) => path.join("/"));
}

describe("a header that is given twice is refused: one of the two would be lost without a word", () => {
  test.each([
    [{ "X-Color": "red", "x-color": "blue" }, "headers/x-color"],
    [{ accept: "a/b", Accept: "c/d" }, "headers/Accept"],
    [{ "X-Color": "red", "Ringback-Forward-X-Color": "blue" }, "headers/Ringback-Forward-X-Color"],
  ])("%o", (headers, place) => {
    expect(faultsOf(headers)).toEqual([place]);
  });

  test("others are not", () => {
    expect(faultsOf({ "X-Color": "red", "X-Colour": "blue", accept: "a/b" })).toEqual([]);
  });
});
