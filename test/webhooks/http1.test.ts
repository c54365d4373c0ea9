import { describe, expect, it } from "vitest";
import { readCapped } from "../../src/webhooks/fetch-body.ts";
import { type Connection, exchange } from "../../src/webhooks/http1.ts";
import { failure } from "./local-server.ts";

/** A connection over which the given bytes come, `size` at a time. */
function connection(text: string, size = 1_000_000) {
  const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
  const sent: Uint8Array[] = [];
  let at = 0;
  let closed = 0;
  const wire: Connection = {
    read: async (buffer) => {
      if (closed > 0) throw new Error("closed");
      const piece = bytes.subarray(at, at + Math.min(size, buffer.byteLength));
      if (piece.byteLength === 0) return null;
      buffer.set(piece);
      at += piece.byteLength;
      return piece.byteLength;
    },
    write: async (piece) => {
      const taken = piece.slice(0, 7);
      sent.push(taken);
      return taken.byteLength;
    },
    close: () => {
      closed += 1;
    },
  };
  return { wire, sent: () => Buffer.concat(sent).toString("latin1"), closed: () => closed };
}

const get = (): Request => new Request("https://a.example.com/x?y=1#z");

async function received(text: string, size?: number) {
  const { wire, closed } = connection(text, size);
  const response = await exchange(wire, get());
  const { text: body } = await readCapped(response, 1_000);
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body,
    closed: closed() > 0,
  };
}

describe("a request", () => {
  it("is written with its length, over writes that take a part", async () => {
    const { wire, sent } = connection("HTTP/1.1 204 No Content\r\n\r\n");
    const request = new Request("https://a.example.com:8443/x?y=1#z", {
      method: "POST",
      body: "0123456789",
      headers: { "content-type": "text/plain", "user-agent": "Ringback/1", "X-A": "b" },
    });
    await exchange(wire, request);
    await new Promise((resolve) => setTimeout(resolve, 10));
    const [head = "", body] = sent().split("\r\n\r\n");
    const [first, ...headers] = head.split("\r\n");
    expect(first).toBe("POST /x?y=1 HTTP/1.1");
    expect(headers.sort()).toEqual([
      "accept-encoding: identity",
      "accept: */*",
      "connection: close",
      "content-length: 10",
      "content-type: text/plain",
      "host: a.example.com:8443",
      "user-agent: Ringback/1",
      "x-a: b",
    ]);
    expect(body).toBe("0123456789");
  });
});

describe("a response", () => {
  const answers: readonly [string, string, string][] = [
    ["by its length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more", "hello"],
    [
      "by a length that is said twice",
      "HTTP/1.1 200\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
      "hi",
    ],
    [
      "by chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nX: y\r\n\r\n",
      "hello",
    ],
    [
      "by chunks, whatever length is said",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 1\r\n\r\n00a\r\n0123456789\r\n0\r\n\r\n",
      "0123456789",
    ],
    ["by the end", "HTTP/1.0 200 OK\r\n\r\nhello", "hello"],
    [
      "after interim ones",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
      "!",
    ],
    ["with bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "hi"],
    ["that is empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""],
  ];
  for (const size of [1, 3, 1_000_000]) {
    it.each(answers)(`is read %s, ${size} bytes at a time`, async (_how, text, body) => {
      expect(await received(text, size)).toMatchObject({ status: 200, body, closed: true });
    });
  }

  it("has none of a body with 204, 304, and for HEAD", async () => {
    for (const status of [204, 304]) {
      expect(await received(`HTTP/1.1 ${status} X\r\nContent-Length: 5\r\n\r\n`)).toMatchObject({
        status,
        body: "",
      });
    }
    const { wire, closed } = connection("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    const response = await exchange(wire, new Request("https://a.example.com/", { method: "HEAD" }));
    expect([response.body, response.headers.get("content-length"), closed()]).toEqual([null, "5", 1]);
  });

  it("keeps its headers, and the bytes that are no ASCII", async () => {
    const { headers } = await received(
      "HTTP/1.1 429 Slow\r\nRetry-After:  7 \r\nX-A: 1\r\nx-a: \u00e9\r\nContent-Length: 0\r\n\r\n",
    );
    expect(headers).toMatchObject({ "retry-after": "7", "x-a": "1, \u00e9" });
  });

  it.each([
    ["another protocol", "220 smtp.example.com ESMTP\r\n"],
    ["HTTP/2", "HTTP/2 200 OK\r\n\r\n"],
    ["nothing", ""],
    ["a head that breaks off", "HTTP/1.1 200 OK\r\nA: b\r\n"],
    ["a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    ["a status that is none", "HTTP/1.1 099 X\r\n\r\n"],
    ["a line that is no header", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"],
    ["a folded header", "HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab"],
    ["an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
    ["an endless line", `HTTP/1.1 200 OK\r\nA: ${"b".repeat(70_000)}`],
    ["endless headers", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(20_000)}`],
  ])("is refused for %s", async (_what, text) => {
    const { wire } = connection(text);
    await expect(exchange(wire, get())).rejects.toBeInstanceOf(TypeError);
  });

  it.each([
    ["before its length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"],
    ["within a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhel"],
    ["before its last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"],
    ["with a chunk of no size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nhel\r\n"],
    [
      "with a chunk that is longer than it says",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhel\r\n0\r\n\r\n",
    ],
  ])("breaks off %s", async (_where, text) => {
    const { wire, closed } = connection(text);
    const response = await exchange(wire, get());
    expect((await failure(readCapped(response, 1_000))).code).toBe("response-aborted");
    expect(closed()).toBeGreaterThan(0);
  });

  it("is given up when enough is read, and the connection with it", async () => {
    const { wire, closed } = connection(`HTTP/1.1 200 OK\r\n\r\n${"x".repeat(100_000)}`);
    const response = await exchange(wire, get());
    expect(await readCapped(response, 10)).toEqual({ text: "xxxxxxxxxx", truncated: true });
    expect(closed()).toBe(1);
  });
});
