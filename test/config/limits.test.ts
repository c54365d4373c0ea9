import { expect, test } from "vitest";
import { ConfigError, readConfig } from "../../src/config/config.ts";
import { environment } from "./complete.ts";

const settings = (more: Readonly<Record<string, string>>) => readConfig({ ...environment, ...more }).settings;

test.each([
  ["1B", 1],
  ["4MiB", 4_194_304],
  ["4096KiB", 4_194_304],
])("RINGBACK_MAX_BODY may be %s", (size, bytes) => {
  expect(settings({ RINGBACK_MAX_BODY: size }).maxBody).toBe(bytes);
});

test.each(["0B", "5MiB", "4097KiB", "4194305B", "999999999MiB", "4 MiB", "-1B", "1e3B"])(
  "RINGBACK_MAX_BODY may not be %s",
  (size) => {
    expect(() => settings({ RINGBACK_MAX_BODY: size })).toThrow(ConfigError);
    expect(() => settings({ RINGBACK_MAX_BODY: size })).toThrow(/^RINGBACK_MAX_BODY must be/);
  },
);

test("RINGBACK_READ_LIMIT is 600 unless set, and a whole number", () => {
  expect(settings({}).readLimit).toBe(600);
  expect(settings({ RINGBACK_READ_LIMIT: "7" }).readLimit).toBe(7);
  for (const wrong of ["0", "1.5", "-1", "100001", "many"]) {
    expect(() => settings({ RINGBACK_READ_LIMIT: wrong })).toThrow(/^RINGBACK_READ_LIMIT must be/);
  }
});
