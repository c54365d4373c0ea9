import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { eventually } from "../support/client.ts";
import { type Example, hostExample } from "../support/example.ts";
import { freePort, node, type Running, root, start } from "../support/process.ts";

// examples/chat-agent, whole: gateway, suppliers and agent, each a process of its own. The three minutes are seconds here.

const JOB_SECONDS = 4;
const replySchema = z.object({ conversation: z.uuid(), reply: z.string() });
const messagesSchema = z.array(z.looseObject({ role: z.string(), text: z.string().optional() }));

const stops: (() => Promise<void>)[] = [];
let example: Example;
let agentUrl: string;
let agent: Running;
let startAgent: (more?: Readonly<Record<string, string>>) => Promise<Running>;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "ringback-agent-"));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  const run = async (file: string, env: Record<string, string>, ready: RegExp) => {
    const args = [join(root, "examples/chat-agent", file)];
    const { running } = await start({ command: node, args, env, ready });
    stops.push(running.stop);
    return running;
  };
  const suppliers = `${await freePort()}`;
  await run("suppliers.ts", { PORT: suppliers, JOB_SECONDS: `${JOB_SECONDS}` }, /suppliers on/);
  example = await hostExample("chat-agent", { SUPPLIERS_URL: `http://127.0.0.1:${suppliers}` });
  stops.push(example.hosted.stop);
  const port = `${await freePort()}`;
  agentUrl = `http://127.0.0.1:${port}`;
  const env = {
    PORT: port,
    GATEWAY_URL: example.client.url,
    GATEWAY_KEY: example.client.authorization.slice("Bearer ".length),
    CONVERSATIONS: join(folder, "conversations.jsonl"),
  };
  startAgent = (more) => run("agent.ts", { ...env, ...more }, /agent on/);
  agent = await startAgent();
});
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

async function say(text: string, conversation?: string): Promise<z.output<typeof replySchema>> {
  const response = await fetch(`${agentUrl}/chat`, {
    method: "POST",
    body: JSON.stringify({ text, ...(conversation !== undefined && { conversation }) }),
  });
  return replySchema.parse(await response.json());
}

async function messages(conversation: string): Promise<z.output<typeof messagesSchema>> {
  return messagesSchema.parse(await (await fetch(`${agentUrl}/conversations/${conversation}`)).json());
}

/** Waits until the agent has come back with the offers by itself. */
const offers = (conversation: string) =>
  eventually(
    async () => {
      const last = (await messages(conversation)).at(-1);
      expect(last?.text).toMatch(
        /^18 suppliers have answered\. The best offers for a? ?desk lamp:\nSupplier \d+: /,
      );
    },
    { timeoutMs: 60_000, everyMs: 200 },
  );

/** What a watcher of the conversation sees until it has the offers. */
async function watch(conversation: string): Promise<string> {
  const { body } = await fetch(`${agentUrl}/conversations/${conversation}/events`);
  let seen = "";
  for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    seen += text;
    if (seen.includes("The best offers")) break;
  }
  return seen;
}

describe("a chat agent with a long job", { concurrent: false, timeout: 120_000 }, () => {
  test("answers at once, shows the progress, and comes back with the result", async () => {
    const began = performance.now();
    const { conversation, reply } = await say("Find me the best price for a desk lamp.");
    expect(performance.now() - began).toBeLessThan(JOB_SECONDS * 1_000);
    expect(reply).toMatch(/^I have asked 18 suppliers for desk lamp\. This takes about three minutes\./);
    const watched = watch(conversation);
    await eventually(
      async () =>
        expect((await say("How far is it?", conversation)).reply).toMatch(
          /^[1-9]\d? of 18 suppliers have answered \(running\)\.$/,
        ),
      { timeoutMs: 30_000, everyMs: 200 },
    );
    const seen = await watched;
    expect(seen).toMatch(/event: progress\ndata: \{"percent":\d+/);
    expect(seen).toMatch(/event: message\ndata: .*The best offers for desk lamp/);
    await offers(conversation);
  });

  test("that is killed while the job runs goes on after its restart: one task, one end", async () => {
    const { client } = example;
    const { conversation } = await say("What is the best price for a desk lamp?");
    await agent.kill();
    const list = async () => {
      const reply = await client.send("GET", "/v1/tasks");
      const shape = z.object({ data: z.array(z.object({ id: z.string(), metadata: z.unknown() })) });
      return shape
        .parse(reply.json())
        .data.filter(({ metadata }) => conversation === Object(metadata).conversation);
    };
    const [task] = await list();
    if (!task) throw new Error("the agent has submitted no task");
    await client.ended(task.id, 60_000);
    agent = await startAgent();
    await offers(conversation); // by the second attempt of the callback
    expect(await list()).toHaveLength(1);

    const [delivery] = z
      .object({ data: z.array(z.object({ id: z.string(), eventType: z.string() })) })
      .parse((await client.send("GET", `/v1/deliveries?taskId=${task.id}`)).json())
      .data.filter(({ eventType }) => eventType === "task.succeeded");
    const before = await messages(conversation);
    await client.send("POST", `/v1/deliveries/${delivery?.id}/redeliver`);
    await eventually(async () => {
      const reply = await client.send("GET", `/v1/deliveries/${delivery?.id}`);
      expect(reply.json()).toMatchObject({ status: "delivered" });
    });
    expect(await messages(conversation)).toEqual(before);
    expect(before.filter(({ role }) => role === "ended")).toHaveLength(1);
  });

  test("reads the task itself when the callback does not come", async () => {
    await agent.kill();
    const nobody = `http://127.0.0.1:${await freePort()}/hooks`;
    agent = await startAgent({ HOOKS_URL: nobody, READ_AFTER_SECONDS: "2" });
    const { conversation } = await say("What is the best price for a desk lamp?");
    await offers(conversation);
    expect((await messages(conversation)).filter(({ role }) => role === "ended")).toHaveLength(1);
  });

  test("takes no callback that the gateway has not signed", async () => {
    const response = await fetch(`${agentUrl}/hooks`, {
      method: "POST",
      headers: {
        "webhook-id": "evt_1",
        "webhook-timestamp": `${Math.floor(Date.now() / 1_000)}`,
        "webhook-signature": "v1,AAAA",
      },
      body: "{}",
    });
    expect([response.status, await response.json()]).toEqual([401, { error: "bad-signature" }]);
  });
});
