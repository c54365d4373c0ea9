import process from "node:process";
import { Queue, Worker } from "bullmq";
import fastify from "fastify";
import * as z from "zod";

/*
 * BullMQ behind Fastify, as BullMQ's documentation advises for production: the worker is a process of its own with a
 * concurrency for I/O, failed jobs are retried with exponential backoff, ended jobs are removed, and the worker's
 * connection has no limit of retries. `ROLE` names the process.
 *
 * @see https://docs.bullmq.io/guide/going-to-production
 */

const { ROLE, REDIS_PORT, PORT } = z
  .object({ ROLE: z.enum(["server", "worker"]), REDIS_PORT: z.coerce.number(), PORT: z.coerce.number() })
  .parse(process.env);

const connection = { host: "127.0.0.1", port: REDIS_PORT };
const QUEUE = "tasks";

interface Task {
  readonly input: unknown;
  readonly callbackUrl: string;
}

if (ROLE === "server") {
  const queue = new Queue<Task>(QUEUE, {
    connection,
    defaultJobOptions: {
      attempts: 4,
      backoff: { type: "exponential", delay: 1_000 },
      removeOnComplete: { count: 1_000 },
      removeOnFail: { count: 5_000 },
    },
  });
  const app = fastify();
  const schema = {
    body: {
      type: "object",
      required: ["input"],
      properties: { input: {}, callbackUrl: { type: "string", format: "uri" } },
    },
  } as const;
  app.post<{ Body: Task }>("/tasks", { schema }, async (request, reply) => {
    const { id } = await queue.add("echo", request.body);
    return reply.code(202).send({ id });
  });
  await app.listen({ port: PORT, host: "127.0.0.1" });
} else {
  const worker = new Worker<Task>(
    QUEUE,
    async ({ id, data }) => {
      const answer = await fetch(data.callbackUrl, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ id, status: "succeeded", result: data.input }),
      });
      if (!answer.ok) throw new Error(`the callback was answered ${answer.status}`);
    },
    { connection: { ...connection, maxRetriesPerRequest: null }, concurrency: 50 },
  );
  worker.on("error", (error) => console.error(error));
  await worker.waitUntilReady();
}
console.log("ready");
