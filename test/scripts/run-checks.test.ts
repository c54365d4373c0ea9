import { describe, expect, test } from "vitest";
import { type Check, runChecks } from "../../scripts/run-checks.ts";

const good: Check = { about: "Why good.", run: () => Promise.resolve({ passed: true, output: "fine" }) };
const bad: Check = { about: "Why bad.", run: () => Promise.resolve({ passed: false, output: "one\ntwo" }) };

async function run(
  checks: Readonly<Record<string, Check>>,
): Promise<{ failed: readonly string[]; text: string }> {
  const lines: string[] = [];
  const failed = await runChecks(checks, (line) => lines.push(line));
  return { failed, text: lines.join("\n").replace(/\(\d+\.\d s\)/g, "(0 s)") };
}

describe("npm run check", () => {
  test("runs every check and names the failed ones at the end", async () => {
    const { failed, text } = await run({ first: bad, second: good, third: bad });
    expect(failed).toEqual(["first", "third"]);
    expect(text).toBe(`FAILED first (0 s)
       one
       two
       Why bad.
ok     second (0 s)
FAILED third (0 s)
       one
       two
       Why bad.
check: failed: first, third`);
  });

  for (const [how, broken] of [
    ["throws", { about: "Why.", run: () => Promise.reject(new Error("docs/errors.md has no section x")) }],
    [
      "throws before it waits",
      {
        about: "Why.",
        run: () => {
          throw new Error("docs/errors.md has no section x");
        },
      },
    ],
    ["throws no error", { about: "Why.", run: () => Promise.reject("docs/errors.md has no section x") }],
  ] as const) {
    test(`goes on after a check that ${how}, which has failed under its own name`, async () => {
      const { failed, text } = await run({ broken, after: good });
      expect(failed).toEqual(["broken"]);
      expect(text).toMatch(/^FAILED broken \(0 s\)\n.*docs\/errors\.md has no section x/);
      expect(text).toContain("Why.\nok     after");
    });
  }

  test("prints nothing but the names when all pass, except for a check that always reports", async () => {
    const { failed, text } = await run({ quiet: good, size: { ...good, verbose: true } });
    expect(failed).toEqual([]);
    expect(text).toBe("ok     quiet (0 s)\nok     size (0 s)\n       fine\ncheck: passed");
  });
});
