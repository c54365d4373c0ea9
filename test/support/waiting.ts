import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { Client, eventually, type Reply } from "./client.ts";
import { sign } from "./qstash-signature.ts";
import type { Received, Receiver } from "./receiver.ts";
import type { SharedStack } from "./shared-stack.ts";

/** The body that `diagnostics.wait` posts to the party that is to finish the task. */
const handed = z.strictObject({
  token: z.string().regex(/^rbt_[\w-]{1,196}$/),
  completionUrl: z.url(),
  attempt: z.int().positive(),
});

/** A task whose work was handed on. */
export interface HandedOn {
  readonly id: string;
  readonly token: string;
  readonly completionUrl: string;
  /** A client whose key is the task's token. */
  readonly bearer: Client;
  /** The body that the next attempt hands on. */
  next(): Promise<Omit<HandedOn, "next" | "id">>;
}

/** Submits a task that hands its work on, and waits for that. */
export async function handOn(
  client: Client,
  receiver: Receiver,
  body: Readonly<Record<string, unknown>> = {},
): Promise<HandedOn> {
  const { input, ...rest } = body;
  const inbox = receiver.open();
  const { id } = await client.submit({
    type: "diagnostics.wait",
    input: { notifyUrl: inbox.url, ...(input as object | undefined) },
    ...rest,
  });
  const read = (received: Received | undefined) => {
    const { token, completionUrl } = handed.parse(JSON.parse(received?.body ?? ""));
    return { token, completionUrl, bearer: new Client(client, token) };
  };
  let count = 1;
  const first = read((await inbox.wait(count, 20_000))[0]);
  return { id, ...first, next: async () => read((await inbox.wait(++count, 30_000))[count - 1]) };
}

/** Waits until the task stands so. */
export function reached(client: Client, id: string, status: string, timeoutMs = 15_000) {
  return eventually(
    async () => {
      const task = await client.task(id);
      if (task.status !== status) throw new Error(`${id} is ${task.status}`);
      return task;
    },
    { timeoutMs, everyMs: 50 },
  );
}

/** Has the gateway look at what is due, as QStash's schedule does each minute. */
export async function sweepNow(stack: {
  readonly gateway: { readonly url: string };
  readonly backing: Pick<SharedStack["backing"], "qstash">;
}): Promise<void> {
  const body = JSON.stringify({ v: 1 });
  const subject = `${stack.gateway.url}/internal/sweep`;
  const signature = await sign({ key: stack.backing.qstash.currentSigningKey, subject, body });
  const headers = { "upstash-signature": signature };
  const reply = await new Client(stack.gateway).send("POST", "/internal/sweep", { body, headers });
  if (reply.status !== 200) throw new Error(`the sweep answered ${reply.status}`);
}

/**
 * Posts to a `webhook` address as Replicate does: the prediction as JSON, no header of the receiver's own; an answer
 * other than 2xx is followed by another attempt, with growing pauses.
 *
 * @returns the status of every attempt
 */
export async function replicateWebhook(url: string, prediction: unknown, attempts = 4): Promise<number[]> {
  const statuses: number[] = [];
  for (let attempt = 0; attempt < attempts; attempt++) {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "webhook-id": "msg_1",
        "webhook-timestamp": `${Math.floor(Date.now() / 1_000)}`,
        "webhook-signature": "v1,AAAA",
      },
      body: JSON.stringify(prediction),
    });
    await response.body?.cancel();
    statuses.push(response.status);
    if (response.ok) break;
    await sleep(100 * 2 ** attempt);
  }
  return statuses;
}

/** Every report by token, with a body that fits. */
const REPORTS: Readonly<Record<string, unknown>> = {
  progress: { percent: 50 },
  heartbeat: undefined,
  complete: { result: "late" },
  fail: { code: "late", message: "Too late." },
};

/** Every report, at once. */
export async function reportAll(bearer: Client, id: string): Promise<Record<string, Reply>> {
  const replies = Object.entries(REPORTS).map(
    async ([name, body]) =>
      [
        name,
        await bearer.send("POST", `/v1/tasks/${id}/${name}`, body === undefined ? {} : { body }),
      ] as const,
  );
  return Object.fromEntries(await Promise.all(replies));
}
