import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createLog, jsonLine, LOG_LEVELS, type LogLine, withFields } from "../../src/shared/log/log.ts";
import { readableLine } from "../../src/shared/log/readable-line.ts";

const LINE: LogLine = { time: "2026-11-24T09:00:00.123Z", level: "warn", event: "task-failed" };

/** Characters that end a line, move a cursor or reverse the direction of text. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Any text, with many of those characters in it. */
const nasty = fc.string({
  unit: fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.constantFrom(
      "\u001b",
      "\u009b",
      "\u007f",
      "\u2028",
      "\u202e",
      "\ufeff",
      "\r",
      "\n",
      "\u{e0041}",
      '"',
      "\\",
    ),
  ),
  maxLength: 40,
});

afterEach(() => vi.restoreAllMocks());

function written(least: (typeof LOG_LEVELS)[number]): string[] {
  const lines: string[] = [];
  for (const method of ["debug", "info", "warn", "error"] as const)
    vi.spyOn(console, method).mockImplementation((line) => void lines.push(line));
  const log = createLog(least);
  for (const level of ["debug", "info", "warn", "error"] as const) log(level, `a-${level}-line`);
  return lines.map((line) => JSON.parse(line).level);
}

describe("the log", () => {
  test("writes the level that is set, and what is more urgent", () => {
    const levels = ["debug", "info", "warn", "error"];
    expect(LOG_LEVELS.map((least) => written(least))).toEqual([
      levels,
      levels.slice(1),
      levels.slice(2),
      levels.slice(3),
      [],
    ]);
  });

  test("writes one line of JSON with time, level, event and fields, those of the request last", () => {
    const write = vi.spyOn(console, "info").mockImplementation(() => undefined);
    withFields(createLog("info"), { requestId: "r" })("info", "swept", { due: 1, left: undefined });
    expect(write).toHaveBeenCalledTimes(1);
    const line = JSON.parse(String(write.mock.calls[0]?.[0]));
    expect(line).toEqual({ time: expect.any(String), level: "info", event: "swept", requestId: "r", due: 1 });
    expect(new Date(line.time).toISOString()).toBe(line.time);
  });

  test("escapes every character that a terminal or a viewer would obey, and loses nothing of it", () => {
    fc.assert(
      fc.property(nasty, nasty, (name, text) => {
        const line = jsonLine({ ...LINE, [`f${name}`]: text });
        expect(line).not.toMatch(UNSEEN);
        expect(JSON.parse(line)[`f${name}`]).toBe(text.toWellFormed() === text ? text : expect.any(String));
      }),
    );
  });
});

describe("a line for a terminal", () => {
  const plain = readableLine({ colours: false });

  test("has time, level, event and the fields; a stack follows indented", () => {
    const error = "Error: no\n    at handler (report.ts:12:9)";
    expect(plain({ ...LINE, task: "task_1", reason: "two words", left: undefined, error })).toBe(
      [
        '09:00:00.123 WARN  task-failed task=task_1 reason="two words"',
        "  error:",
        "    Error: no",
        "        at handler (report.ts:12:9)",
      ].join("\n"),
    );
  });

  test("is coloured by its level", () => {
    const coloured = readableLine({ colours: true });
    expect(coloured({ ...LINE, level: "error" })).toContain("\u001b[31mERROR\u001b[0m");
    expect(coloured(LINE)).toContain("\u001b[33mWARN \u001b[0m");
  });

  test("obeys no value, and none begins a line", () => {
    fc.assert(
      fc.property(nasty, nasty, (text, error) => {
        const lines = plain({ ...LINE, text, error: `${error}\nend` }).split("\n");
        for (const line of lines) expect(line).not.toMatch(UNSEEN);
        for (const line of lines.slice(1)) expect(line).toMatch(/^ {2}/);
      }),
    );
  });
});
