import { basename } from "node:path";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

type Combination = { runtime: "workerd" | "deno"; redisKind: "real" | "embedded" };

// The whole over HTTP. Files mostly wait for callbacks and backoff, so several may share a core.
function e2e(
  { runtime, redisKind }: Combination,
  include = ["test/e2e/**/*.test.ts"],
): TestProjectConfiguration {
  return {
    test: {
      name: `e2e ${runtime} ${redisKind}`,
      include,
      globalSetup: "test/support/shared-stack.ts",
      setupFiles: "test/support/documented.ts",
      provide: { combination: { runtime, redisKind } },
      testTimeout: 60_000,
      hookTimeout: 120_000,
      maxWorkers: 6,
      sequence: { groupOrder: 1, concurrent: true },
    },
  };
}

// Each runtime and each Redis goes through everything once; the other two pairs through a task's whole way.
const way = ["submit", "attempts", "callbacks", "lookup"].map((name) => `test/e2e/${name}.test.ts`);

/** What waits longest, the longest first: begun last it would have the machine to itself. */
const LONGEST = [
  ...["storm", "services-restart", "wait-cost", "never-lost", "failing-receivers", "live", "flow-control"],
  ...["attacks-access", "start", "stop", "model", "patterns", "services-faults", "master-secret"],
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
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["test/e2e/**"],
          testTimeout: 20_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      e2e({ runtime: "workerd", redisKind: "real" }),
      e2e({ runtime: "deno", redisKind: "embedded" }),
      e2e({ runtime: "workerd", redisKind: "embedded" }, way),
      e2e({ runtime: "deno", redisKind: "real" }, way),
    ],
  },
});
