import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import * as z from "zod";
import { type Client, eventually, newProject } from "../support/client.ts";
import { host } from "../support/host.ts";
import { freePort, node, type Running, root, start } from "../support/process.ts";
import { variablesOn } from "../support/stack.ts";

// Runs what README asks its readers to paste: the task type in a gateway, the receiver beside it.

const ADMIN_TOKEN = "readme-admin-token";

/** The first code block after a marker such as `<!-- receiver -->`. */
async function snippet(marker: string): Promise<string> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const code = readme.split(`<!-- ${marker} -->`)[1]?.match(/```\w+\n(.*?)\n```/s)?.[1];
  if (!code) throw new Error(`README.md has no code after <!-- ${marker} -->`);
  return code;
}

/** A deployment whose one task type is README's. */
async function writeDeployment(folder: string): Promise<string> {
  const src = relative(folder, join(root, "src"));
  await writeFile(
    join(folder, "words-count.ts"),
    (await snippet("task type")).replace('"../task.ts"', `"${src}/task.ts"`),
  );
  const entry = join(folder, "deployment.ts");
  await writeFile(
    entry,
    `import { createRingback } from "${src}/index.ts";
import { worker } from "${src}/runtime/workers.ts";
import { wordsCount } from "./words-count.ts";
export default worker(createRingback({ tasks: [wordsCount] }));
`,
  );
  return relative(root, entry);
}

/** Runs the receiver as it stands in README, and waits until it listens. */
async function startReceiver(folder: string, secret: string): Promise<Running & { readonly url: string }> {
  const file = join(folder, "receiver.mjs");
  await writeFile(file, await snippet("receiver"));
  const port = await freePort();
  const { running } = await start({
    command: node,
    args: ["--import", "data:text/javascript,console.log('begun')", file],
    env: { SIGNING_SECRET: secret, RECEIVER_PORT: `${port}` },
    ready: /begun/,
  });
  const url = `http://127.0.0.1:${port}/hooks`;
  await eventually(() => fetch(url));
  return { ...running, url };
}

describe("what README has its readers paste", () => {
  const stops: (() => Promise<void>)[] = [];
  let client: Client;
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let secret: string;
  beforeAll(async () => {
    await mkdir(join(root, ".wrangler"), { recursive: true });
    const folder = await mkdtemp(join(root, ".wrangler/readme-")); // node_modules is found from there
    stops.push(() => rm(folder, { recursive: true, force: true }));
    const { runtime, backing } = inject("stack");
    const hosted = await host(runtime, await writeDeployment(folder), (url) =>
      variablesOn(backing, url, ADMIN_TOKEN),
    );
    stops.push(hosted.stop);
    client = await newProject({ url: hosted.url, adminToken: ADMIN_TOKEN }, "readme");
    const answer = await client.send("GET", "/v1/signing-secret");
    ({ secret } = z.object({ secret: z.string() }).parse(JSON.parse(answer.text)));
    receiver = await startReceiver(folder, secret);
    stops.push(receiver.stop);
  });
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  test("the task type does its work, and the receiver takes the callback", async () => {
    const input = { text: "202 now, callback when done" };
    const { id } = await client.submit({ type: "words.count", input, callbackUrl: receiver.url });
    expect((await client.ended(id)).result).toEqual({ words: 5 });
    await eventually(() =>
      expect(receiver.output()).toMatch(new RegExp(`^evt_\\w+ task\\.succeeded ${id} \\{"words":5\\}$`, "m")),
    );
  });

  test("the task type says why it failed, and the receiver takes that too", async () => {
    const { id } = await client.submit({
      type: "words.count",
      input: { text: " " },
      callbackUrl: receiver.url,
    });
    const error = { code: "empty-text", message: "There is no word in the text.", retryable: false };
    expect(await client.ended(id)).toMatchObject({ status: "failed", attempt: 1, error });
    await eventually(() =>
      expect(receiver.output()).toMatch(new RegExp(`^evt_\\w+ task\\.failed ${id} `, "m")),
    );
  });

  test("the task type refuses other inputs", async () => {
    const reply = await client.send("POST", "/v1/tasks", {
      body: { type: "words.count", input: { txt: "" } },
    });
    expect(reply.problem().code).toBe("invalid-request");
  });

  test("the receiver takes what its secret signed, and nothing else", async () => {
    const body = JSON.stringify({ type: "task.succeeded", data: { id: "task_1", result: 1 } });
    const post = async (text: string, key: string): Promise<number> => {
      const at = new Date();
      const headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": `${Math.floor(at.getTime() / 1_000)}`,
        "webhook-signature": new Webhook(key).sign("evt_1", at, body),
      };
      return (await fetch(receiver.url, { method: "POST", body: text, headers })).status;
    };
    expect(await post(body, secret)).toBe(204);
    expect(await post(body.replace("task_1", "task_2"), secret)).toBe(401);
    expect(await post(body, `whsec_${btoa("somebody else's secret of 32 bytes")}`)).toBe(401);
  });
});
