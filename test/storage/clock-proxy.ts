import { FaultProxy } from "../support/proxy.ts";

/** What every script begins with: the one place where it reads the time. */
const READS_TIME = "math.floor(t[2] / 1000) + offset";

/**
 * Lies between a gateway and Redis' REST API, and moves the time of every script: a whole gateway lives at another time,
 * though no variable says so. No script is known by its hash then, so each goes with its text.
 */
export async function movedClock(target: string, offset: number): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(target);
  proxy.faults = {
    rewrite: ({ body }) => Buffer.from(body.toString().replaceAll(READS_TIME, `${READS_TIME} + (${offset})`)),
  };
  return proxy;
}
