import { defineConfig, type TestProjectConfiguration } from "vitest/config";

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

export default defineConfig({
  test: {
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
