import { once } from "node:events";
import { createServer as createPlainServer } from "node:http";
import { createServer as createSocketServer } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import type { Outcome } from "./deno/requests.ts";
import { listen, onDeno, stopServers } from "./deno/run.ts";

afterAll(stopServers);

describe("what comes back over a connection of its own", () => {
  /** Raw answers, each at a path of its number, written so many bytes at a time. */
  async function played(answers: readonly string[], size: number, method = "GET"): Promise<Outcome[]> {
    const raw = await listen(
      createSocketServer((socket) => {
        socket.on("error", () => undefined); // given up by the other side
        socket.once("data", async (data) => {
          const text = answers[Number(/ \/(\d+)/.exec(data.toString())?.[1])] ?? "";
          for (let at = 0; at < text.length && !socket.destroyed; at += size) {
            socket.write(text.slice(at, at + size), "latin1");
            if (size < 10) await new Promise((resolve) => setImmediate(resolve));
          }
          socket.end();
        });
      }).on("connection", (socket) => socket.setNoDelay(true)),
      "127.0.0.2",
    );
    return await onDeno(
      answers.map((_text, index) => ({
        how: "pinned",
        addresses: ["127.0.0.2"],
        url: `http://localhost:${raw}/${index}`,
        method,
      })),
    );
  }

  const whole: readonly (readonly [how: string, text: string, body: string])[] = [
    ["by its length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"],
    [
      "by chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nX: y\r\n\r\n",
      "hello",
    ],
    [
      "by chunks, although a length is stated too",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 1\r\n\r\n00a\r\n0123456789\r\n0\r\n\r\n",
      "0123456789",
    ],
    ["with bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "hi"],
    ["up to its length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more", "hello"],
    ["with 205", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", ""],
    ["by the end", "HTTP/1.0 200 OK\r\n\r\nhello", "hello"],
    [
      "after interim ones",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
      "!",
    ],
    ["that is empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""],
    ["with 204", "HTTP/1.1 204 No Content\r\n\r\n", ""],
    ["with 304 and a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ""],
    ["without following it", "HTTP/1.1 307 X\r\nLocation: /1\r\nContent-Length: 0\r\n\r\n", ""],
  ];
  it.each([1, 1_000_000])("is read as the peer frames it, %i bytes at a time", async (size) => {
    const outcomes = await played(
      whole.map(([, text]) => text),
      size,
    );
    const read = outcomes.map((outcome, index) => [
      whole[index]?.[0],
      "text" in outcome ? outcome.text : outcome.said,
    ]);
    expect(read).toEqual(whole.map(([how, , body]) => [how, body]));
  });

  it("keeps headers that are repeated, and their bytes that are no ASCII", async () => {
    const [outcome] = await played(
      ["HTTP/1.1 429 Slow\r\nRetry-After:  7 \r\nX-A: 1\r\nx-a: \u00e9\r\nContent-Length: 0\r\n\r\n"],
      1_000,
    );
    expect(outcome).toMatchObject({ status: 429, headers: { "retry-after": "7", "x-a": "1, \u00e9" } });
  });

  it("is there although one of its headers cannot be kept", async () => {
    const [outcome] = await played(
      ["HTTP/1.1 200 OK\r\nX-A: a\0b\r\nX-B: c\r\nContent-Length: 2\r\n\r\nhi"],
      1_000,
    );
    expect(outcome).toMatchObject({ status: 200, text: "hi", headers: { "x-b": "c" } });
  });

  it("has no body for HEAD, whatever length it states", async () => {
    const [outcome] = await played(["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"], 1_000, "HEAD");
    expect(outcome).toMatchObject({ status: 200, text: "", headers: { "content-length": "5" } });
  });

  it("is response-aborted when it is no HTTP/1.1 response, since the connection was made", async () => {
    const refused: readonly (readonly [what: string, text: string])[] = [
      ["another protocol", "220 smtp.example.com ESMTP\r\n"],
      ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
      ["nothing", ""],
      ["a head that breaks off", "HTTP/1.1 200 OK\r\nA: b\r\n"],
      [
        "a switch of protocols",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
      ],
      ["a switch to nothing", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
      ["a status that is none", "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n"],
      ["a status above 599", "HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n"],
      ["a line that is no header", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"],
      ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
      [
        "one length twice (RFC 9110, section 8.6)",
        "HTTP/1.1 200\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
      ],
      ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab"],
      ["an endless line", `HTTP/1.1 200 OK\r\nA: ${"b".repeat(70_000)}`],
      ["endless headers", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(20_000)}`],
    ];
    const outcomes = await played(
      refused.map(([, text]) => text),
      1_000_000,
    );
    const codes = outcomes.map((outcome, index) => [
      refused[index]?.[0],
      "code" in outcome ? outcome.code : outcome.status,
    ]);
    expect(codes).toEqual(refused.map(([what]) => [what, "response-aborted"]));
  });

  it("is response-aborted when it breaks off in its body", async () => {
    const broken: readonly (readonly [where: string, text: string])[] = [
      ["before its length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"],
      ["within a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhel"],
      ["before its last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"],
      [
        "at a chunk of no size",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n-1\r\nx\r\n",
      ],
      [
        "at a chunk that is longer than it says",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhel\r\n0\r\n\r\n",
      ],
      ["in what it packed", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"],
    ];
    const outcomes = await played(
      broken.map(([, text]) => text),
      1_000_000,
    );
    const codes = outcomes.map((outcome, index) => [
      broken[index]?.[0],
      "code" in outcome ? outcome.code : outcome.status,
    ]);
    expect(codes).toEqual(broken.map(([where]) => [where, "response-aborted"]));
  });

  it("is read although it comes before the request was", async () => {
    const hasty = await listen(
      createSocketServer((socket) => {
        socket.on("error", () => undefined); // given up by the other side
        socket.once("data", () => {
          socket.pause().write("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        });
      }),
      "127.0.0.2",
    );
    const url = `http://localhost:${hasty}/`;
    const [outcome] = await onDeno([
      { how: "pinned", addresses: ["127.0.0.2"], url, method: "POST", body: "x".repeat(100_000) },
    ]);
    expect(outcome).toMatchObject({ status: 413, text: "no" });
  });

  it("is given up once enough of it is read, and the connection with it", async () => {
    let closed: Promise<unknown> | undefined;
    const endless = createPlainServer((_request, response) => {
      closed = once(response, "close");
      const pour = () => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", pour);
      pour();
    });
    const at = await listen(endless, "127.0.0.2");
    const [outcome] = await onDeno([
      { how: "pinned", addresses: ["127.0.0.2"], url: `http://localhost:${at}/` },
    ]);
    expect(outcome).toMatchObject({ status: 200, truncated: true });
    await closed;
  });
});
