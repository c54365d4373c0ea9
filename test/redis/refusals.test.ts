import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { failureOf } from "../../src/adapters/redis/failure.ts";
import { callBytes, createRunner, type Runner, script } from "../../src/adapters/redis/script.ts";
import { RequestTooLarge, StoreRefused, StoreUnavailable } from "../../src/ports/errors.ts";
import { REQUEST_LIMIT } from "../../src/shared/limits.ts";
import { plainClient } from "../local/redis-stand-in.ts";
import { acceptCommand, accepted, environments, storeOver } from "./store-fixture.ts";

describe("a permanent refusal by Redis is told from an outage", () => {
  for (const [message, kind] of [
    ["WRONGTYPE Operation against a key holding the wrong kind of value", StoreRefused],
    ["ERR user_script:3: attempt to index a nil value", StoreRefused],
    ["Command failed: ERR unknown command 'evalsha'", StoreRefused],
    ["ERR Dynamic keys are not allowed in Lua scripts", StoreRefused],
    ['ERR broken, command was: ["evalsha","quota, rate limit, try again"]', StoreRefused],
    ["ERR max request size exceeded. Limit: 10485760 bytes, Actual: 12000000 bytes", RequestTooLarge],
    ["ERR max single record size exceeded", RequestTooLarge],
    ["ERR max requests limit exceeded. Limit: 500000, Usage: 500001.", StoreUnavailable],
    ["ERR max daily request limit exceeded. Limit: 10000, Usage: 10001.", StoreUnavailable],
    ["ERR DB capacity quota exceeded", StoreUnavailable],
    ["ERR the engine does not answer: closed", StoreUnavailable],
    ["OOM command not allowed when used memory > 'maxmemory'", StoreUnavailable],
    ["LOADING Redis is loading the dataset in memory", StoreUnavailable],
    ["READONLY You can't write against a read only replica.", StoreUnavailable],
    ["WRONGPASS invalid or missing auth token", StoreUnavailable],
    ["fetch failed", StoreUnavailable],
    ["Unable to parse response body: <html>ERR", StoreUnavailable],
  ] as const) {
    test(message, () => {
      const failure = failureOf("end", new Error(message));
      expect(failure.constructor).toBe(kind);
      expect(failure.message).not.toContain("command was");
    });
  }
});

describe("a request's bytes are those that are sent", () => {
  const echo = script("echo", "return {ARGV[1]}");
  const callOf = (word: string): Parameters<Runner> => [echo, ["key"], [word]];

  test("whatever the text is made of", async () => {
    let sent = 0;
    const server = createServer(async (request, response) => {
      sent = 0;
      for await (const chunk of request) sent += (chunk as Buffer).length;
      response.end('{"result":[]}');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as AddressInfo; // a TCP server has no other address
    const run = createRunner(plainClient(`http://127.0.0.1:${port}`));
    try {
      await run(...callOf(""));
      const empty = sent;
      for (const text of ["a", '"\\\n', "漢", "😀", "\u0001", "\ud800"]) {
        const word = text.repeat(100_000);
        await run(...callOf(word));
        expect(callBytes(callOf(word)) - callBytes(callOf("")), JSON.stringify(text)).toBe(sent - empty);
        expect(callBytes(callOf(word))).toBeGreaterThan(sent);
      }
    } finally {
      server.close();
    }
  });
});

describe.each(await environments())(
  "what is too large on the %s engine",
  (_kind, { store, caller, redis, url }) => {
    const large = (length: number) => acceptCommand(caller, { input: JSON.stringify("漢".repeat(length)) });

    test("a task is refused alone, and nothing of it is stored", async () => {
      const command = large(3_400_000);
      expect(await store.accept(command)).toEqual({ kind: "too-large" });
      expect(await store.readTask(caller, command.task.id)).toMatchObject({ kind: "missing" });
    });

    test("of a batch one item is refused, and the others go in as many requests as they need", async () => {
      const commands = [large(3_000_000), acceptCommand(caller), large(3_400_000), large(3_000_000)];
      const answers = await store.acceptAll(commands);
      expect(answers.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "too-large", "accepted"]);
      expect(answers[1]).toMatchObject({ record: { id: commands[1]?.task.id } });
      expect(answers[3]).toMatchObject({ record: { id: commands[3]?.task.id } });
    });

    test("the largest task that is let through is taken", async () => {
      const room = REQUEST_LIMIT - 40_000;
      const command = acceptCommand(caller, { input: JSON.stringify("x".repeat(room)) });
      expect(await store.accept(command)).toMatchObject({ kind: "accepted" });
    });

    test("a key that holds something else is refused for good", async () => {
      const task = await accepted(store, caller);
      const key = `rb1:000:${caller.project}:t:${task.id}`;
      await redis("DEL", key);
      await redis("SET", key, "damaged");
      const { project, id, run } = task;
      const claim = store.claim({ project, task: id, run, attempt: 1, lease: "l" });
      await expect(claim).rejects.toBeInstanceOf(StoreRefused);
    });

    test("a database that is away is an outage", async () => {
      const away = storeOver({ url: url.replace(/\d+$/, "1") });
      await expect(away.accept(acceptCommand(caller))).rejects.toBeInstanceOf(StoreUnavailable);
    });
  },
);
