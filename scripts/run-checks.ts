/** The end of a check: whether it passed, and its output. */
export interface Outcome {
  readonly passed: boolean;
  readonly output: string;
}

export interface Check {
  /** Why the check is there and where its rules are set. Printed when it fails. */
  readonly about: string;
  /** Print the output also when the check passes. */
  readonly verbose?: true;
  run(): Promise<Outcome>;
}

/**
 * Runs all checks, one after the other, so that one run shows every failure. A check that throws has failed.
 *
 * @returns the names of the checks that failed
 */
export async function runChecks(
  checks: Readonly<Record<string, Check>>,
  print: (line: string) => void,
): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const [name, check] of Object.entries(checks)) {
    const began = performance.now();
    const { passed, output } = await outcomeOf(check);
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    print(`${passed ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
    if (!passed || check.verbose) print(indented(output));
    if (passed) continue;
    print(indented(check.about));
    failed.push(name);
  }
  print(failed.length === 0 ? "check: passed" : `check: failed: ${failed.join(", ")}`);
  return failed;
}

async function outcomeOf(check: Check): Promise<Outcome> {
  try {
    return await check.run();
  } catch (error) {
    return { passed: false, output: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function indented(text: string): string {
  return text.replace(/^/gm, "       ");
}
