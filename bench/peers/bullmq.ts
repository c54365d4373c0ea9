import { join } from "node:path";
import { freePort, node, root, start, startRedis } from "../../test/support/process.ts";
import { KEEPING, plainBody } from "../stage.ts";
import type { Peer } from "./peer.ts";

/** BullMQ and Fastify on a redis-server of their own. */
export async function startBullmq(): Promise<Peer> {
  const redis = await startRedis({ args: KEEPING });
  const port = await freePort();
  const program = (ROLE: string) =>
    start({
      command: node,
      args: [join(root, "bench/peers/bullmq-program.ts")],
      env: { ROLE, REDIS_PORT: new URL(redis.url).port, PORT: `${port}`, NODE_ENV: "production" },
      ready: /^ready$/m,
    });
  const server = await program("server");
  const worker = await program("worker");
  return {
    contender: {
      name: "BullMQ + Fastify",
      runtime: "node",
      url: `http://127.0.0.1:${port}`,
      path: "/tasks",
      headers: {},
      groups: [server.running.pid, worker.running.pid],
      services: { redis: redis.running.pid },
      body: plainBody,
    },
    stop: async () => {
      await server.running.stop();
      await worker.running.stop();
      await redis.stop();
    },
  };
}
