import { basename } from "node:path";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

type Combination = { runtime: "workerd" | "deno"; redisKind: "real" | "embedded" };

/*
 * Two tiers. `npm test` runs unit, store and end-to-end tests. A file named `*.slow.test.ts` belongs to
 * `npm run test:slow`: it takes over 20 s, or needs programs that are not installed everywhere.
 */
const SLOW = "**/*.slow.test.ts";

// Files mostly wait for callbacks and backoff, so several may share a core.
function e2e({ runtime, redisKind }: Combination, name: string, include: string[], exclude: string[] = []) {
  return {
    test: {
      name: `${name} ${runtime} ${redisKind}`,
      include,
      exclude,
      globalSetup: "test/support/shared-stack.ts",
      setupFiles: "test/support/documented.ts",
      provide: { combination: { runtime, redisKind } },
      testTimeout: 60_000,
      hookTimeout: 120_000,
      // Slow files run whole deployments of their own: more at a time would starve each other.
      maxWorkers: name === "e2e" ? 6 : 4,
      isolate: false, // a file's modules are loaded once per worker; no file changes them
      sequence: { groupOrder: 1, concurrent: true },
    },
  } satisfies TestProjectConfiguration;
}

function unit(name: string, include: string[], exclude: string[]) {
  return {
    test: {
      name,
      include,
      exclude,
      testTimeout: name === "slow" ? 120_000 : 20_000,
      hookTimeout: 60_000,
      maxWorkers: 2,
      // Half of the time went into loading modules for each file anew. Slow files load some with faults in them.
      isolate: name === "slow",
      sequence: { groupOrder: 0 },
    },
  } satisfies TestProjectConfiguration;
}

const E2E = "test/e2e/**/*.test.ts";
const SLOW_E2E = "test/e2e/**/*.slow.test.ts";
// Each runtime and each Redis runs every file once. The other two pairs run the files that follow a task to its end.
const LIFECYCLE = ["submit", "attempts", "callbacks", "lookup"].map((name) => `test/e2e/${name}.test.ts`);

/*
 * Slow files whose subject is the same program on every runtime: a browser's page, a command, a runbook. One runtime runs
 * them. The pages are divided, because each runtime serves them in its own way.
 */
const named = (names: readonly string[]) => names.map((name) => `test/e2e/${name}.slow.test.ts`);
const ON_WORKERD_ALONE = named([
  "reference-page",
  "guides-page",
  "page-commands",
  "rotation",
  "retention",
  "storage-version",
]);
const ON_DENO_ALONE = named([
  ...["console-actions", "console-attacks", "console-checks", "console-pages", "console-receivers"],
  ...["cli", "clients-types"],
]);

/** The files that take longest, longest first: started last, one of them would run alone at the end. */
const LONGEST = [
  ...["storm.slow", "model.slow", "soak-run.slow", "commands.slow", "stop.slow", "package.slow"],
  ...["cli-dev.slow", "console-actions.slow", "console-pages.slow", "services-restart.slow", "rotation.slow"],
  ...["doctor.slow", "reference-page.slow", "attacks-access.slow", "stored-data.slow", "fuzz.slow"],
  ...["master-secret.slow", "encryption.slow", "wait-cost.slow", "services-faults.slow", "guides-page.slow"],
  ...["fan-out-many.slow", "immediate.slow", "failing-receivers.slow", "never-lost.slow", "live.slow"],
  ...["cli.slow", "services-later.slow", "answered-by-headers.slow", "clients", "attacks-projects"],
].map((name) => `${name}.test.ts`);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.indexOf(basename(moduleId));
      return place < 0 ? LONGEST.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      unit("unit", ["test/**/*.test.ts"], ["test/e2e/**", SLOW]),
      e2e({ runtime: "workerd", redisKind: "real" }, "e2e", [E2E], [SLOW]),
      e2e({ runtime: "deno", redisKind: "embedded" }, "e2e", [E2E], [SLOW]),
      e2e({ runtime: "workerd", redisKind: "embedded" }, "e2e", LIFECYCLE),
      e2e({ runtime: "deno", redisKind: "real" }, "e2e", LIFECYCLE),
      unit("slow", ["test/**/*.slow.test.ts"], ["test/e2e/**"]),
      e2e({ runtime: "workerd", redisKind: "real" }, "slow e2e", [SLOW_E2E], ON_DENO_ALONE),
      e2e({ runtime: "deno", redisKind: "embedded" }, "slow e2e", [SLOW_E2E], ON_WORKERD_ALONE),
    ],
  },
});
