import type { Fetcher } from "../../src/ports/fetcher.ts";
import type { Queue } from "../../src/ports/queue.ts";
import type { Settings } from "../../src/shared/settings.ts";

/** A part that a test does not expect to be used: it fails. */
export const unexpected = (): Promise<never> =>
  Promise.reject(new Error("This part was not expected to be used."));

/** Settings as a deployment has them by default. */
export function settingsOf(changes: Partial<Settings> = {}): Settings {
  return {
    publicUrl: "https://ringback.example.com",
    adminToken: "an-admin-token-of-some-length",
    retrySchedule: [5_000],
    callbackTimeout: 15_000,
    resultTtl: 604_800_000,
    rateLimit: 100,
    readLimit: 600,
    maxOpen: 1_000,
    maxBody: 1_048_576,
    concurrency: { perKey: 1, perProject: 40 },
    corsOrigins: [],
    maxEndpoints: 20,
    partitions: 1,
    version: "0.1.0",
    ...changes,
  };
}

/** A queue that takes every message, and fails for everything else that a test does not bring. */
export function queueOf(methods: Partial<Queue> = {}): Queue {
  return {
    publish: () => Promise.resolve(),
    publishAll: () => Promise.resolve([]),
    ping: unexpected,
    call: unexpected,
    holds: unexpected,
    waits: unexpected,
    cancel: unexpected,
    ...methods,
  };
}

/** A fetcher that finds every URL safe, and fails for everything else that a test does not bring. */
export function fetcherOf(methods: Partial<Fetcher> = {}): Fetcher {
  return {
    checkUrl: () => undefined,
    resolveAndCheck: unexpected,
    fetch: unexpected,
    read: unexpected,
    ...methods,
  };
}
