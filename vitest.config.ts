import { defineConfig, type TestProjectConfiguration } from "vitest/config";

type Combination = { runtime: "workerd" | "deno"; redisKind: "real" | "embedded" };

// The whole over HTTP. Files mostly wait for callbacks and backoff, so several may share a core.
function e2e({ runtime, redisKind }: Combination, exclude: string[] = []): TestProjectConfiguration {
  return {
    test: {
      name: `e2e ${runtime} ${redisKind}`,
      include: ["test/e2e/**/*.test.ts"],
      exclude,
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

// Killing gateways costs the length of a lease; once on each runtime and once on each Redis is enough.
const slow = ["test/e2e/never-lost.test.ts"];

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
      e2e({ runtime: "workerd", redisKind: "embedded" }, slow),
      e2e({ runtime: "deno", redisKind: "real" }, slow),
    ],
  },
});
