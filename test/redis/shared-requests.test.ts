import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Redis } from "@upstash/redis/cloudflare";
import { expect, onTestFinished, test } from "vitest";
import { createRunner, script } from "../../src/adapters/redis/script.ts";
import { sharedRequests, singleRequests } from "../../src/adapters/redis/shared-requests.ts";
import { StoreRefused, StoreUnavailable } from "../../src/ports/errors.ts";

const echo = script("echo", "return {ARGV[1]}");

/** A command as the SDK sends it: name, SHA-1 or text, number of keys, keys, arguments. */
type Command = readonly string[];
type Reply = { readonly result: readonly string[] } | { readonly error: string };
type Whole = { readonly status: number; readonly text: string } | "broken";

/** What Redis does with one command; and with a request, unless it answers each command. */
interface Behaviour {
  readonly command?: (command: Command) => Reply;
  readonly request?: (commands: readonly Command[]) => Whole | undefined;
}

const word = (command: Command): string => `${command.at(-1)}`;

/** A runner whose scripts share requests to a server that keeps the first request until it is let go. */
async function start(
  { command = (sent) => ({ result: [word(sent)] }), request }: Behaviour = {},
  evaluator: typeof sharedRequests = sharedRequests,
) {
  const requests: (readonly Command[])[] = [];
  const first = Promise.withResolvers<void>();
  const came = Promise.withResolvers<void>();
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    const isPipeline = incoming.url === "/pipeline";
    const commands = (isPipeline ? body : [body]) as readonly Command[]; // as the SDK writes them
    requests.push(commands);
    came.resolve();
    if (requests.length === 1) await first.promise;
    const whole = request?.(commands);
    if (whole === "broken") return response.destroy();
    if (whole) return response.writeHead(whole.status).end(whole.text);
    const replies = commands.map(command);
    const [only] = replies;
    const status = !isPipeline && only && "error" in only ? 400 : 200;
    return response.writeHead(status).end(JSON.stringify(isPipeline ? replies : only));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // a TCP server has no other address
  const redis = new Redis({
    url: `http://127.0.0.1:${port}`,
    token: "t",
    automaticDeserialization: false,
    enableAutoPipelining: false,
    responseEncoding: false,
    enableTelemetry: false,
    retry: { retries: 0 },
  });
  const run = createRunner(redis, false, evaluator(redis));
  return {
    run: (text: string) => run(echo, ["key"], [text]),
    requests,
    came: came.promise,
    release: first.resolve,
  };
}

/** Sends one call, and the others while it is under way. */
async function crowd({ run, came, release }: Awaited<ReturnType<typeof start>>, words: readonly string[]) {
  const first = run("first");
  await came;
  const others = words.map(run);
  const answered = Promise.allSettled(others);
  release();
  expect(await first).toEqual(["first"]);
  return await answered;
}

const values = (settled: readonly PromiseSettledResult<unknown>[]) =>
  settled.map((one) => (one.status === "fulfilled" ? one.value : one.reason));

const sizes = (requests: readonly (readonly Command[])[]) => requests.map((commands) => commands.length);

test("a script alone is sent at once, in a request of its own", async () => {
  const { run, requests, release } = await start();
  release();
  expect(await run("a")).toEqual(["a"]);
  expect(await run("b")).toEqual(["b"]);
  expect(sizes(requests)).toEqual([1, 1]);
});

test("scripts that come while a request is under way share the next one, and each gets its own reply", async () => {
  const server = await start();
  const words = Array.from({ length: 20 }, (_, n) => `word ${n}`);
  expect(values(await crowd(server, words))).toEqual(words.map((text) => [text]));
  expect(sizes(server.requests)).toEqual([1, 20]);
});

test("where nothing is shared, as on Workers, each script has a request of its own", async () => {
  const server = await start({}, singleRequests);
  expect(values(await crowd(server, ["a", "b", "c"]))).toEqual([["a"], ["b"], ["c"]]);
  expect(sizes(server.requests)).toEqual([1, 1, 1, 1]);
});

test("a script does not wait longer for a request that hangs", async () => {
  const { run, came, release } = await start();
  const hanging = run("first");
  await came;
  expect(await run("second")).toEqual(["second"]);
  release();
  expect(await hanging).toEqual(["first"]);
});

test("at most 32 scripts share a request", async () => {
  const server = await start();
  const words = Array.from({ length: 70 }, (_, n) => `${n}`);
  expect(values(await crowd(server, words))).toEqual(words.map((text) => [text]));
  expect(Math.max(...sizes(server.requests))).toBe(32);
});

test("a large script goes alone, and no shared request is larger than 1 MiB", async () => {
  const server = await start();
  const largest = Array.from({ length: 32 }, () => "\u0001".repeat(4_997)); // with its key, the most that is shared
  const large = "x".repeat(5_000);
  expect(values(await crowd(server, [...largest, large])).slice(-1)).toEqual([[large]]);
  const bodies = server.requests.map((commands) => JSON.stringify(commands));
  expect(Math.max(...sizes(server.requests))).toBe(32);
  expect(Math.max(...bodies.map((body) => Buffer.byteLength(body)))).toBeLessThanOrEqual(1024 * 1024);
  expect(server.requests.find((commands) => commands.some((one) => word(one) === large))).toHaveLength(1);
});

test("an error of one script is that script's alone", async () => {
  const server = await start({
    command: (sent) =>
      word(sent) === "bad" ? { error: "WRONGTYPE it is a string" } : { result: [word(sent)] },
  });
  const [good, bad, other] = values(await crowd(server, ["good", "bad", "other"]));
  expect([good, other]).toEqual([["good"], ["other"]]);
  expect(bad).toBeInstanceOf(StoreRefused);
});

test("a script that Redis has forgotten is sent again with its text, the others are not", async () => {
  const server = await start({
    command: (sent) =>
      word(sent) === "new" && sent[0] === "evalsha"
        ? { error: "NOSCRIPT No matching script." }
        : { result: [word(sent)] },
  });
  expect(values(await crowd(server, ["known", "new"]))).toEqual([["known"], ["new"]]);
  expect(server.requests.flat().map((sent) => `${sent[0]} ${word(sent)}`)).toEqual([
    "evalsha first",
    "evalsha known",
    "evalsha new",
    "eval new",
  ]);
});

test.for([
  { status: 400, text: '{"error":"ERR max request size exceeded"}' },
  { status: 413, text: "<html>too large</html>" },
])(
  "a request refused as a whole ($status) is sent again script by script: one fails, the others do not",
  async (whole) => {
    const server = await start({
      request: (commands) => (commands.some((sent) => word(sent) === "bad") ? whole : undefined),
    });
    const [good, bad, other] = values(await crowd(server, ["good", "bad", "other"]));
    expect([good, other]).toEqual([["good"], ["other"]]);
    expect(bad).toBeInstanceOf(Error);
    expect(sizes(server.requests)).toEqual([1, 3, 1, 1, 1]);
  },
);

test("a Redis that does not answer is an outage for each script, and the next ones are sent", async () => {
  const server = await start({ request: (commands) => (commands.length > 1 ? "broken" : undefined) });
  const failed = values(await crowd(server, ["a", "b"]));
  expect(failed).toEqual([expect.any(StoreUnavailable), expect.any(StoreUnavailable)]);
  expect(await server.run("c")).toEqual(["c"]);
});
