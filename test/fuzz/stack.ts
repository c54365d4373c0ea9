import { freePort } from "../support/process.ts";
import { type RedisKind, type Runtime, startBacking, startGateway } from "../support/stack.ts";
import { fuzz, type Report } from "./fuzz.ts";

/** A service that needs no answer: what it is asked is refused at once. */
async function services(): Promise<string> {
  const baseUrl = `http://127.0.0.1:${await freePort()}`;
  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
  return JSON.stringify([{ name: "shop", baseUrl, paths: ["/v1/"], methods, retries: 0, timeout: "1s" }]);
}

/** Starts a stack for itself, sends it requests, and ends it. */
export async function fuzzStack(
  runtime: Runtime,
  kind: RedisKind,
  seed: number,
  requests: number,
): Promise<Report> {
  const backing = await startBacking(kind);
  try {
    const gateway = await startGateway(runtime, backing, {
      env: {
        RINGBACK_RETRY_SCHEDULE: "1s",
        RINGBACK_CALLBACK_TIMEOUT: "2s",
        RINGBACK_SERVICES: await services(),
      },
    });
    try {
      return await fuzz(
        { url: gateway.url, adminToken: gateway.adminToken, signingKey: backing.qstash.currentSigningKey },
        { seed, requests, redis: backing.redisServer, output: gateway.running.output },
      );
    } finally {
      await gateway.running.stop();
    }
  } finally {
    await backing.stop();
  }
}
