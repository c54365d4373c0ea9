import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../src/local/engine/open.ts";
import { encodeCommands, ReplyReader } from "../../src/local/engine/resp.ts";
import { type Reply, ReplyError, SimpleString } from "../../src/local/engine.ts";
import { toResp2 } from "../../src/local/redis/encode.ts";
import { startRedis } from "../support/process.ts";

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const line = fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => text.replace(/[\r\n]/g, " "));
const { reply: replies } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    bytes,
    fc.integer(),
    fc.constant(null),
    line.map((text) => new SimpleString(text)),
    line.map((text) => new ReplyError(`ERR ${text}`)),
    fc.array(tie("reply"), { maxLength: 4 }),
  ),
}));

describe("RESP2", () => {
  test("replies are read as they were written, however they are cut into chunks", () => {
    const cuts = fc.array(fc.nat(12), { maxLength: 80 });
    fc.assert(
      fc.property(fc.array(replies, { maxLength: 6 }), cuts, (written, sizes) => {
        const wire = Buffer.concat(written.map(toResp2));
        const reader = new ReplyReader();
        const read: Reply[] = [];
        let at = 0;
        for (const size of sizes) {
          read.push(...reader.push(wire.subarray(at, at + size)));
          at += size;
        }
        read.push(...reader.push(wire.subarray(at)));
        expect(read).toEqual(written);
      }),
      { seed: 20_261_126 },
    );
  });

  test("a long reply in many chunks is put together once", () => {
    const value = Buffer.alloc(64 * 2 ** 20, "v");
    const wire = Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from("\r\n:1\r\n")]);
    const reader = new ReplyReader();
    const read: Reply[] = [];
    const copied = Buffer.concat;
    let joins = 0;
    Buffer.concat = (...args) => {
      joins++;
      return copied(...args);
    };
    try {
      for (let at = 0; at < wire.length; at += 65_536)
        read.push(...reader.push(wire.subarray(at, at + 65_536)));
    } finally {
      Buffer.concat = copied;
    }
    const [bulk, number] = read;
    expect([Buffer.isBuffer(bulk) && bulk.equals(value), number]).toEqual([true, 1]);
    expect(joins).toBeLessThan(3);
  });

  test("a list of commands is one piece: text, or bytes where one of its words is bytes", () => {
    const list = [["MULTI"], ["SET", "ключ", ""], ["EXEC"]];
    const wire = "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$8\r\nключ\r\n$0\r\n\r\n*1\r\n$4\r\nEXEC\r\n";
    expect(encodeCommands(list)).toBe(wire);
    const binary = encodeCommands([
      ["SET", "k", Buffer.from([255, 13, 10])],
      ["GET", Buffer.from("k")],
    ]);
    expect(binary).toEqual(
      Buffer.from("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n\xff\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "latin1"),
    );
  });
});

describe("the connection to a real Redis", () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  test("takes user, password and database from the URL, and says what Redis refuses", async () => {
    const admin = await openEngine(redis.url);
    await admin.call(["ACL", "SETUSER", "someone", "on", ">p@ss/word", "~*", "+@all"]);
    const url = new URL(redis.url);
    url.username = "someone";
    url.password = encodeURIComponent("p@ss/word");
    url.pathname = "/3";
    const engine = await openEngine(url.href);
    await engine.call(["SET", "in", "three"]);
    await admin
      .transaction([
        ["SELECT", "3"],
        ["GET", "in"],
        ["SELECT", "0"],
      ])
      .then((found) => expect(found).toContainEqual(Buffer.from("three")));
    await engine.close();
    url.password = "wrong";
    await expect(openEngine(url.href)).rejects.toThrow(/Redis refused the connection: WRONGPASS/);
    url.username = url.password = "";
    url.pathname = "/99";
    await expect(openEngine(url.href)).rejects.toThrow(/Redis refused the connection: .*out of range/);
    await admin.close();
  });

  test("answers each of many commands at a time with its own reply", async () => {
    const engine = await openEngine(redis.url);
    const found = await Promise.all(
      Array.from({ length: 500 }, async (_, n) => {
        if (n % 3 === 0)
          return await engine.transaction([
            ["ECHO", `${n}`],
            ["ECHO", "x"],
          ]);
        return await engine.call(n % 3 === 1 ? ["ECHO", `${n}`] : ["NO-SUCH", `${n}`]);
      }),
    );
    for (const [n, reply] of found.entries()) {
      if (n % 3 === 0) expect(reply).toEqual([Buffer.from(`${n}`), Buffer.from("x")]);
      else if (n % 3 === 1) expect(reply).toEqual(Buffer.from(`${n}`));
      else expect((reply as ReplyError).message).toContain(`'${n}'`); // an unknown command's error quotes its words
    }
    await engine.close();
  });

  test("subscriptions outlive a lost connection", async () => {
    const engine = await openEngine(redis.url);
    const heard: string[] = [];
    const end = await engine.subscribe("news", (message) => heard.push(message.toString()));
    await engine.call(["CLIENT", "KILL", "TYPE", "pubsub"]);
    await expect.poll(() => engine.call(["PUBLISH", "news", "again"]), { timeout: 5_000 }).toBe(1);
    await expect.poll(() => heard.at(-1)).toBe("again");
    await end();
    expect(await engine.call(["PUBLISH", "news", "later"])).toBe(0);
    await engine.close();
  });
});

/** A server on a port of its own that does with each connection what `serve` says. */
async function startServer(serve: (socket: Socket) => void): Promise<{ server: Server; url: string }> {
  const server = createServer(serve).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("no address");
  return { server, url: `redis://127.0.0.1:${address.port}` };
}

test("commands under way when the connection is lost fail, and so do those before it is back", async () => {
  const sockets: Socket[] = [];
  const { server, url } = await startServer((socket) => {
    sockets.push(socket);
    socket.on("data", (data) => {
      if (data.includes("PING")) socket.write("+PONG\r\n");
    });
  });
  const engine = await openEngine(url);
  const underWay = [engine.call(["GET", "k"]), engine.transaction([["GET", "k"]])];
  sockets[0]?.destroy();
  for (const lost of underWay) await expect(lost).rejects.toThrow("the connection to Redis was lost");
  await expect(engine.call(["PING"])).rejects.toThrow("Redis is not connected");
  await expect.poll(() => engine.call(["PING"]).catch(() => "away")).toEqual(new SimpleString("PONG"));
  await engine.close();
  await new Promise((resolve) => server.close(resolve));
});

test("what is no Redis is named, until a Redis is there", async () => {
  let isRedis = false;
  const { server, url } = await startServer((socket) => {
    socket.on("data", () => {
      if (isRedis) socket.write("+PONG\r\n");
      else socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    socket.on("error", () => undefined); // it is cut off
  });
  const { promise: said, resolve } = Promise.withResolvers<string>();
  const opening = openEngine(url, resolve);
  expect(await said).toMatch(
    /^REDIS_URL: Redis does not answer at .*HTTP\/1.1 400 Bad Request.*RESP2.*; trying again$/,
  );
  isRedis = true;
  await (await opening).close();
  await new Promise((done) => server.close(done));
});

test.each(["http://127.0.0.1:6379", "127.0.0.1:6379", "redis://", "redis://:%zz@127.0.0.1", "hunter2"])(
  "REDIS_URL=%s is refused at once, and not repeated",
  async (url) => {
    const refused = openEngine(url).then(
      () => "",
      (error: Error) => error.message,
    );
    expect(await refused).toBe("REDIS_URL must be a redis:// or rediss:// address");
  },
);

test("a Redis that wants a password, and one that is still loading, are told apart", async () => {
  let answer = "-LOADING Redis is loading the dataset in memory\r\n";
  const { server, url } = await startServer((socket) => {
    socket.on("data", () => socket.write(answer));
    socket.on("error", () => undefined);
  });
  const said: string[] = [];
  const opening = openEngine(url, (line) => said.push(line));
  await expect.poll(() => said).toEqual([expect.stringContaining("(LOADING Redis is loading")]);
  answer = "-NOAUTH Authentication required.\r\n";
  await expect(opening).rejects.toThrow("Redis refused the connection: NOAUTH Authentication required.");
  await new Promise((done) => server.close(done));
});
