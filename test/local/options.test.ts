import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readOptions } from "../../src/local/command/options.ts";

const COMMAND = {
  call: "npm run sample --",
  about: "A sample.",
  options: {
    project: { kind: "text", value: "NAME", about: "the project", required: true },
    runtime: { kind: "text", value: "NAME", about: "the runtime", oneOf: ["workerd", "deno"] },
    note: { kind: "text", value: "TEXT", about: "a note", default: "none" },
    rounds: { kind: "number", value: "N", about: "how many", least: 1, whole: true, default: 3 },
    minutes: { kind: "number", value: "M", about: "how long", least: 0.1 },
    all: { kind: "flag", about: "everything" },
  },
  variables: { SAMPLE_URL: "where it is" },
} as const;

const USAGE =
  "usage: npm run sample -- --project NAME [--runtime NAME] [--note TEXT] [--rounds N] [--minutes M] [--all]";

/** How the process has ended. */
class Exit extends Error {
  readonly code: unknown;
  constructor(code: unknown) {
    super("exit");
    this.code = code;
  }
}

let said: string[] = [];
beforeEach(() => {
  said = [];
  for (const level of ["log", "error"] as const) {
    vi.spyOn(console, level).mockImplementation((line) => void said.push(`${level}: ${line}`));
  }
  vi.spyOn(process, "exit").mockImplementation((code) => {
    throw new Exit(code);
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

function codeOf(args: readonly string[]): unknown {
  try {
    readOptions(COMMAND, args);
  } catch (error) {
    if (error instanceof Exit) return error.code;
    throw error;
  }
  return undefined;
}

describe("the options of a command", () => {
  test("are read as their kind says, and have their defaults", () => {
    expect(readOptions(COMMAND, ["--project", "acme"])).toEqual({
      project: "acme",
      runtime: undefined,
      note: "none",
      rounds: 3,
      minutes: undefined,
      all: false,
    });
    const args = [
      "--all",
      "--project=-x",
      "--runtime",
      "deno",
      "--rounds=7",
      "--minutes",
      "0.5",
      "--note",
      "a b",
    ];
    expect(readOptions(COMMAND, args)).toEqual({
      project: "-x",
      runtime: "deno",
      note: "a b",
      rounds: 7,
      minutes: 0.5,
      all: true,
    });
  });

  test.each([["--help"], ["-h"]])("%s prints the usage, whatever else is given", (help) => {
    expect(codeOf(["--nothing", help])).toBe(0);
    expect(said).toEqual([
      `log: ${USAGE}

A sample.

options:
  --project NAME  the project
  --runtime NAME  the runtime
  --note TEXT     a note (default none)
  --rounds N      how many (default 3)
  --minutes M     how long
  --all           everything
  --help          this text

variables:
  SAMPLE_URL  where it is`,
    ]);
  });

  test.each([
    [[], "--project is required"],
    [["--project"], "--project needs a value: NAME"],
    [["--project", "--all"], "--project needs a value: NAME"],
    [["--project="], "--project needs a value: NAME"],
    [["--project", "p", "--no-such-option"], "unknown option --no-such-option"],
    [["--project", "p", "--api-key=hunter2"], "unknown option --api-key"],
    [["--project", "p", "--toString"], "unknown option --toString"],
    [["--project", "p", "-x"], "unknown option -x"],
    [["--project", "p", "hunter2"], "no argument is taken that is not an option"],
    [["--project", "p", "--", "hunter2"], "no argument is taken that is not an option"],
    [["--project", "p", "--all=hunter2"], "--all takes no value"],
    [["--project", "p", "--runtime", "hunter2"], "--runtime must be workerd or deno"],
    [["--project", "p", "--rounds", "hunter2"], "--rounds must be a whole number of at least 1"],
    [["--project", "p", "--rounds", "0"], "--rounds must be a whole number of at least 1"],
    [["--project", "p", "--rounds", "1.5"], "--rounds must be a whole number of at least 1"],
    [["--project", "p", "--rounds", "1e9"], "--rounds must be a whole number of at least 1"],
    [["--project", "p", "--rounds=-1"], "--rounds must be a whole number of at least 1"],
    [["--project", "p", "--minutes", "0"], "--minutes must be a number of at least 0.1"],
    [["--project", "p", "--minutes", "Infinity"], "--minutes must be a number of at least 0.1"],
  ])("%j is named with the usage, and never quoted", (args, fault) => {
    expect(codeOf(args)).toBe(2);
    expect(said).toEqual([`error: ${fault}\n${USAGE}`]);
  });
});
