import type { TestProject } from "vitest/node";
import type { Backing, Gateway, RedisKind, Runtime } from "./stack.ts";
import { startBacking, startGateway } from "./stack.ts";

/** The running whole that all files of one e2e project share. */
export interface SharedStack {
  readonly runtime: Runtime;
  readonly redisKind: RedisKind;
  readonly gateway: Omit<Gateway, "running">;
  readonly backing: Backing;
}

declare module "vitest" {
  interface ProvidedContext {
    stack: SharedStack;
    combination: { runtime: Runtime; redisKind: RedisKind };
  }
}

/** Waiting times that a test can sit through; everything else as it is by default. */
export const QUICK = {
  RINGBACK_RETRY_SCHEDULE: "1s,1s,1s",
  RINGBACK_CALLBACK_TIMEOUT: "2s",
} as const;

/** A service whose calls find nobody. */
export const SERVICE = "shop";

const SERVICES = [
  {
    name: SERVICE,
    baseUrl: "http://127.0.0.1:9",
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    paths: ["/v1/"],
    retries: 0,
  },
];

/** Starts a project's stack before its first file and ends it after its last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { combination } = project.config.provide;
  if (!combination) throw new Error(`the project ${project.name} does not say what it runs on`);
  const { runtime, redisKind } = combination;
  const { stop, ...backing } = await startBacking(redisKind);
  try {
    const { running, ...gateway } = await startGateway(runtime, backing, {
      env: { ...QUICK, RINGBACK_SERVICES: JSON.stringify(SERVICES) },
    });
    project.provide("stack", { runtime, redisKind, gateway, backing });
    return async () => {
      await running.stop();
      await stop();
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
