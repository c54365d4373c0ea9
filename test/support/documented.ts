import { afterAll, expect } from "vitest";
import { undocumented } from "./openapi.ts";

// Runs with every e2e file: everything that the file saw must be in /openapi.json.
afterAll(() => {
  expect(undocumented()).toEqual([]);
});
