import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { afterAll, describe, expect, inject } from "vitest";
import { test, verifiedEndpoint } from "../support/endpoints.ts";

const ECHO = { type: "diagnostics.echo", input: "x" };

const running: (() => Promise<unknown>)[] = [];
afterAll(() => Promise.all(running.map((stop) => stop())));

/** A server that answers every request with these bytes, and goes on as it is told. */
async function answering(head: string, goOn: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    let asked = "";
    socket.on("data", (bytes: Buffer) => {
      asked += bytes.toString("latin1");
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(asked)?.[1] ?? 0);
      const end = asked.indexOf("\r\n\r\n");
      if (end < 0 || asked.length < end + 4 + length) return;
      asked = "";
      socket.write(`${head}\r\n\r\n`, "latin1", () => goOn(socket));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  running.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/hooks`;
}

const OK = "HTTP/1.1 200 OK";
const drip = (piece: string) => (socket: Socket) => {
  const timer = setInterval(() => socket.write(piece), 100);
  socket.on("close", () => clearInterval(timer));
};

/** What a body can do after a status that has decided. */
const BODIES: readonly [string, string, (socket: Socket) => void][] = [
  ["is said to be gzip and empty", "Content-Encoding: gzip\r\nContent-Length: 0", () => undefined],
  [
    "is said to be gzip, chunked and empty",
    "Content-Encoding: gzip\r\nTransfer-Encoding: chunked",
    (s) => s.write("0\r\n\r\n"),
  ],
  ["is no gzip", "Content-Encoding: gzip\r\nContent-Length: 7", (socket) => socket.write("no gzip")],
  [
    "is cut gzip",
    "Content-Encoding: gzip\r\nContent-Length: 4",
    (socket) => socket.write("\x1f\x8b\x08\x00", "latin1"),
  ],
  [
    "is said to be deflate",
    "Content-Encoding: deflate\r\nContent-Length: 3",
    (socket) => socket.write("abc"),
  ],
  ["is said to be brotli", "Content-Encoding: br\r\nContent-Length: 3", (socket) => socket.write("abc")],
  ["never begins", "Content-Length: 10", () => undefined],
  ["drips", "Content-Length: 100000", drip("x")],
  ["drips in chunks and never ends", "Transfer-Encoding: chunked", drip("1\r\nx\r\n")],
  ["never ends", "Connection: close", drip("x".repeat(20_000))],
  ["breaks off", "Content-Length: 100", (socket) => socket.write("abc", () => socket.destroy())],
  ["is reset", "Content-Length: 100", (socket) => socket.write("abc", () => socket.resetAndDestroy())],
  ["is shorter than it says", "Content-Length: 100", (socket) => socket.end("abc")],
  ["is longer than it says", "Content-Length: 1", (socket) => socket.write("abcdef")],
  ["has bad chunks", "Transfer-Encoding: chunked", (socket) => socket.write("zz\r\nabc\r\n")],
  ["has a chunk that is cut", "Transfer-Encoding: chunked", (socket) => socket.end("ff\r\nabc")],
  ["is no UTF-8", "Content-Length: 2", (socket) => socket.write("\xff\xfe", "latin1")],
];

/** Heads that are odd, and that a client of HTTP can read all the same. */
const READABLE: readonly [string, string, string][] = [
  ["one length twice", "Content-Length: 2\r\nContent-Length: 2", "hi"],
  ["a length in a list", "Content-Length: 2, 2", "hi"],
  ["a length and chunks", "Content-Length: 7\r\nTransfer-Encoding: chunked", "2\r\nhi\r\n0\r\n\r\n"],
  ["chunks named twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"],
  ["an unknown transfer encoding", "Transfer-Encoding: bogus", "hi"],
  ["gzip as the last transfer encoding", "Transfer-Encoding: chunked, gzip", "hi"],
  ["a first chunk below zero", "Transfer-Encoding: chunked", "-1\r\nhi\r\n"],
  ["a first chunk beyond any number", "Transfer-Encoding: chunked", `${"f".repeat(20)}\r\nhi\r\n`],
  ["an unknown encoding", "Content-Encoding: bogus\r\nContent-Length: 2", "hi"],
  ["encodings one over the other", "Content-Encoding: gzip, br\r\nContent-Length: 2", "hi"],
  ["an encoding in capitals that is none", "Content-Encoding: GZIP\r\nContent-Length: 2", "hi"],
  ["a content type that is none", "Content-Type: ;;\xff\r\nContent-Length: 2", "hi"],
  ["a location that is none", "Location: http://[\r\nContent-Length: 2", "hi"],
  ["a value that is no ASCII", "X-A: \xe9\r\nContent-Length: 2", "hi"],
];

/** Heads that both runtimes refuse: they give an error instead of a response. */
const REFUSED: readonly [string, string][] = [
  ["a length that is no number", "Content-Length: abc"],
  ["a length below zero", "Content-Length: -1"],
  ["a length beyond any number", `Content-Length: ${"9".repeat(30)}`],
  ["two lengths", "Content-Length: 2\r\nContent-Length: 3"],
  ["an empty length", "Content-Length:"],
  ["a line that is no header", "nonsense"],
  ["a space in a name", "X A: b"],
  ["a NUL in a value", "X-A: a\0b"],
];

describe("status and headers decide, whatever the body does then", () => {
  for (const [what, headers, goOn] of BODIES) {
    test(`a 2xx whose body ${what} is delivered, once`, async ({ client }) => {
      const callbackUrl = await answering(`${OK}\r\n${headers}`, goOn);
      const { id } = await client.submit({ ...ECHO, callbackUrl });
      const delivery = await client.settled(id);
      expect(delivery).toMatchObject({ status: "delivered", attempts: [{ statusCode: 200 }] });
      expect(delivery.attempts[0]).not.toHaveProperty("error");
    });
  }

  for (const [what, headers, body] of READABLE) {
    test(`a 2xx whose head has ${what} is delivered, once`, async ({ client }) => {
      const callbackUrl = await answering(`${OK}\r\nConnection: close\r\n${headers}`, (socket) =>
        socket.end(body, "latin1"),
      );
      const { id } = await client.submit({ ...ECHO, callbackUrl });
      const delivery = await client.settled(id);
      expect(delivery).toMatchObject({ status: "delivered", attempts: [{ statusCode: 200 }] });
      expect(delivery.attempts).toHaveLength(1);
      expect(delivery.attempts[0]).not.toHaveProperty("error");
    });
  }

  for (const [what, headers] of REFUSED) {
    test(`an answer whose head has ${what} came over a connection, as far as the runtime says`, async ({
      client,
    }) => {
      const callbackUrl = await answering(`${OK}\r\n${headers}`, (socket) => socket.end("hi"));
      const { id } = await client.submit({ ...ECHO, callbackUrl });
      const { status, attempts } = await client.settled(id);
      // workerd says the same of a connection that was refused, and does not give the status.
      const code = inject("stack").runtime === "deno" ? "response-aborted" : "connect-failed";
      expect(status).toBe("dead");
      expect(new Set(attempts.map(({ error }) => error?.code))).toEqual(new Set([code]));
      for (const attempt of attempts) expect(attempt).not.toHaveProperty("statusCode");
    });
  }

  test("an answer that never gets to a final status is a failure, and not the receiver's 5xx", async ({
    client,
  }) => {
    const callbackUrl = await answering("HTTP/1.1 101 Switching Protocols", (socket) => socket.end());
    const { id } = await client.submit({ ...ECHO, callbackUrl });
    const { status, attempts } = await client.settled(id);
    expect(status).toBe("dead");
    expect(attempts[0]).toMatchObject({ statusCode: 101, error: { code: "response-aborted" } });
  });

  for (const [status, code] of [
    [500, "http-5xx"],
    [404, "http-4xx"],
    [302, "redirect"],
  ] as const) {
    test(`a ${status} whose body drips or breaks off is ${code}`, async ({ client }) => {
      for (const goOn of [drip("x"), (socket: Socket) => void socket.write("abc", () => socket.destroy())]) {
        const head = `HTTP/1.1 ${status} No\r\nContent-Length: 1000\r\nwebhook-delivery: abort-message`;
        const { id } = await client.submit({ ...ECHO, callbackUrl: await answering(head, goOn) });
        expect(await client.settled(id)).toMatchObject({
          status: "dead",
          attempts: [{ statusCode: status, error: { code } }],
        });
      }
    });
  }

  test("what came of the body before it stalled is kept, and the attempt lasts no longer than its time", async ({
    client,
  }) => {
    const callbackUrl = await answering(`${OK}\r\nContent-Length: 100`, (socket) => socket.write("thanks"));
    const { id } = await client.submit({ ...ECHO, callbackUrl });
    const { attempts } = await client.settled(id);
    expect(attempts[0]).toMatchObject({ statusCode: 200, response: "thanks" });
    expect(attempts[0]?.durationMs).toBeLessThan(2_000); // RINGBACK_CALLBACK_TIMEOUT of the tests
  });

  test("a verification still waits for the challenge in the body", async ({ own, receiver }) => {
    const { id } = await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] });
    expect(id).toMatch(/^ep_/);
    const url = await answering(`${OK}\r\nContent-Length: 100`, drip("x"));
    const made = await own.send("POST", "/v1/endpoints", { body: { url } });
    const { id: silent } = made.json() as { id: string };
    const reply = await own.send("POST", `/v1/endpoints/${silent}/verify`);
    expect(reply.problem()).toMatchObject({ status: 422, code: "verification-failed" });
  });
});
