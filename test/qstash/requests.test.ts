import { once } from "node:events";
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { Client } from "@upstash/qstash";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createQueue } from "../../src/adapters/qstash/queue.ts";
import type { QueueMessage, ServiceCall } from "../../src/ports/queue.ts";

/* Our requests to QStash are those that its official client makes. */

interface Seen {
  readonly request: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

const PUBLIC = "https://ringback.example.com";

const seen: Seen[] = [];
const server = createServer(async (incoming, response) => {
  const text = (await buffer(incoming)).toString();
  const body: unknown = incoming.url === "/v2/batch" ? JSON.parse(text) : text; // the order of its fields is free
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).filter(([name]) => /^(upstash-|content-type|authorization)/.test(name)),
  );
  seen.push({ request: `${incoming.method} ${incoming.url}`, headers, body });
  const one = { messageId: "msg_1", events: [] };
  response.end(JSON.stringify(incoming.url === "/v2/batch" ? [one, one] : one));
});
let url = "";
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("no address");
  url = `http://127.0.0.1:${address.port}`;
});
afterAll(() => void server.close());
beforeEach(() => {
  seen.length = 0;
});

const ours = () => createQueue({ url, token: "a-token", publicUrl: PUBLIC });
const theirs = () => new Client({ baseUrl: url, token: "a-token", devMode: false, enableTelemetry: false });

/** Both make their request, which must be the same. */
async function same(one: () => Promise<unknown>, other: () => Promise<unknown>): Promise<void> {
  await one();
  await other();
  expect(seen).toHaveLength(2);
  expect(seen[0]).toEqual(seen[1]);
}

const flow = { key: "prj_1.type", parallelism: 4, rate: 10, period: 1_500 } as const;
const message: QueueMessage = {
  kind: "run",
  body: { v: 1, project: "prj_1", task: "task_1", run: 1, attempt: 1 },
  delay: 1_200,
  flow,
};
const theirMessage = () => ({
  url: `${PUBLIC}/internal/run`,
  body: message.body,
  retries: 3,
  delay: 2,
  flowControl: { key: flow.key, parallelism: 4, rate: 10, period: 2 },
});

test("a message", () =>
  same(
    () => ours().publish(message),
    () => theirs().publishJSON(theirMessage()),
  ));

test("a batch", () =>
  same(
    () => ours().publishAll([message, message]),
    () => theirs().batchJSON([theirMessage(), theirMessage()]),
  ));

const call: ServiceCall = {
  url: "https://shop.example.com/v1/orders?a=1%202",
  method: "PUT",
  headers: { "Content-Type": "text/csv", "X-Tenant": "acme", authorization: "Bearer x" },
  secrets: ["authorization", "x-key"],
  body: new TextEncoder().encode("a,b\n"),
  callback: "/internal/outcome?task=1",
  timeout: 61_500,
  delay: 0,
  flow: { key: "k", parallelism: 1 },
};
const theirCall = () => ({
  url: call.url,
  method: "PUT" as const,
  headers: {
    ...call.headers,
    "Upstash-Callback-Retries": "3",
    "Upstash-Callback-Retry-Delay": "min(300000, 3000 * pow(10, retried))",
    "Upstash-Failure-Callback-Retries": "3",
    "Upstash-Failure-Callback-Retry-Delay": "min(300000, 3000 * pow(10, retried))",
  },
  body: new Blob(["a,b\n"]),
  callback: PUBLIC + call.callback,
  failureCallback: PUBLIC + call.callback,
  retries: 0,
  timeout: 62,
  flowControl: { key: "k", parallelism: 1 },
  redact: { header: ["authorization", "x-key"] },
});

test("a call of a service", () =>
  same(
    () => ours().call(call),
    () => theirs().publish(theirCall()),
  ));

test("a call of a service without a body and secrets", () => {
  const { body: _body, ...bare } = { ...call, secrets: [] };
  const { body: _theirs, redact: _redact, ...theirBare } = theirCall();
  return same(
    () => ours().call(bare),
    () => theirs().publish(theirBare),
  );
});

test("the question for a message, and for what the log says of it", async () => {
  await same(
    () => ours().holds("msg_1"),
    () => theirs().messages.get("msg_1"),
  );
  seen.length = 0;
  await same(
    () => ours().waits("msg_1"),
    () => theirs().logs({ messageIds: ["msg_1"] }),
  );
});

test.each([[["msg_1"]], [["msg_1", "msg_2"]]])("taking back %j", (messages) =>
  same(
    () => ours().cancel(...messages),
    () => theirs().messages.cancel(messages.length === 1 ? (messages[0] ?? "") : messages),
  ),
);
