import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../support/process.ts";
import { FaultProxy } from "../support/proxy.ts";

/** What every script begins with: the one place where it reads the time. */
const READS_TIME = "math.floor(time[2] / 1000) + offset";

/**
 * Lies between a gateway and Redis' REST API, and moves the time of every script: a whole gateway lives at another time,
 * though no variable says so. No script is known by its hash then, so each goes with its text.
 */
export async function movedClock(target: string, offset: number): Promise<FaultProxy> {
  const prelude = await readFile(join(root, "src/adapters/redis/script.ts"), "utf8");
  if (!prelude.includes(READS_TIME)) throw new Error(`The scripts do not read the time as ${READS_TIME}.`);
  const proxy = await FaultProxy.start(target);
  proxy.faults = {
    rewrite: ({ body }) => Buffer.from(body.toString().replaceAll(READS_TIME, `${READS_TIME} + (${offset})`)),
  };
  return proxy;
}
