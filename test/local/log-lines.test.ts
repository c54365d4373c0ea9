import { expect, test } from "vitest";
import { forTerminal } from "../../src/local/stack/log-lines.ts";
import { jsonLine } from "../../src/shared/log/log.ts";

const line = jsonLine({ time: "2026-11-24T09:00:00.123Z", level: "info", event: "swept", due: 2 });

test("a terminal gets readable lines of what the Worker has written, coloured unless NO_COLOR is set", () => {
  expect(forTerminal(true, "1")(line)).toBe("09:00:00.123 INFO  swept due=2");
  expect(forTerminal(true, undefined)(line)).toContain("\u001b[36mINFO \u001b[0m");
});

test("a pipe or a file gets the JSON as it is", () => {
  expect(forTerminal(false, undefined)(line)).toBe(line);
});

test("text that is no line of the log stays as it is", () => {
  const others = ["Uncaught Error: no", "{}", "null", '{"level":"info"}', '"text"'];
  expect(others.map(forTerminal(true, undefined))).toEqual(others);
});
