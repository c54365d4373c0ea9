import type { ServerResponse } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import { createServer as createSocketServer, type Socket } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { listen, onDeno, secure, stopServers } from "./deno/run.ts";

afterAll(stopServers);

describe("an error before the end of the TLS handshake is tls-failed, after it never", () => {
  function servers(host: string) {
    return {
      raw: (onSocket: (socket: Socket) => void): Promise<number> =>
        listen(
          createSocketServer((socket) => {
            socket.on("error", () => undefined); // reset by us
            onSocket(socket);
          }),
          host,
        ),
      /** An HTTPS server whose answers may reset the TCP connection under TLS. */
      async overTls(
        answer: (response: ServerResponse, reset: () => void) => void,
        options: ServerOptions = {},
      ): Promise<number> {
        const sockets = new Map<number | undefined, Socket>();
        const server = createServer({ ...secure, ...options }, (request, response) => {
          const tcp = sockets.get(request.socket.remotePort);
          answer(response, () => tcp?.resetAndDestroy());
        });
        server.on("connection", (socket: Socket) => sockets.set(socket.remotePort, socket));
        return await listen(server, host);
      },
      /** A port at which nobody listens any more. */
      async gone(): Promise<number> {
        const server = createSocketServer();
        const at = await listen(server, host);
        await new Promise((resolve) => server.close(resolve));
        return at;
      },
    };
  }

  const MUTUAL: ServerOptions = { requestCert: true, rejectUnauthorized: true };

  const half = (response: ServerResponse): void => {
    response.writeHead(200, { "content-length": "100" }).flushHeaders();
  };

  it.each([
    ["pinned", "127.0.0.2"],
    ["unresolved", "127.0.0.1"],
  ] as const)("%s", { timeout: 60_000 }, async (how, host) => {
    const { raw, overTls, gone } = servers(host);
    const cases: readonly (readonly [what: string, code: string, port: number])[] = [
      ["nobody listens", "connect-failed", await gone()],
      ["the peer closes at once", "tls-failed", await raw((socket) => socket.destroy())],
      [
        "the peer closes after the first message of the handshake",
        "tls-failed",
        await raw((socket) => socket.once("data", () => socket.end())),
      ],
      [
        "the peer resets within the handshake",
        "tls-failed",
        await raw((socket) => socket.once("data", () => socket.resetAndDestroy())),
      ],
      [
        "the peer answers in plain text",
        "tls-failed",
        await raw((socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))),
      ],
      [
        "the peer has no version in common",
        "tls-failed",
        await overTls(half, { maxVersion: "TLSv1.1", minVersion: "TLSv1.1" }),
      ],
      [
        "the peer wants a certificate of ours",
        "tls-failed",
        await overTls(half, { ...MUTUAL, maxVersion: "TLSv1.2" }),
      ],
      [
        "the peer closes after the handshake, without an answer",
        "response-aborted",
        await overTls((response) => response.destroy()),
      ],
      [
        "the peer resets after the handshake",
        "response-aborted",
        await overTls((_response, reset) => reset()),
      ],
      [
        "the peer answers something else after the handshake",
        "response-aborted",
        await overTls((response) => response.socket?.end("TLS handshake certificate corrupt message\r\n")),
      ],
      [
        "the peer closes within the body",
        "response-aborted",
        await overTls((response) => {
          half(response);
          response.write("half", () => response.destroy());
        }),
      ],
      [
        "the peer resets within the body",
        "response-aborted",
        await overTls((response, reset) => {
          half(response);
          response.write("half", () => setTimeout(reset, 50));
        }),
      ],
      ["the handshake hangs", "timeout", await raw(() => undefined)],
      ["the answer hangs", "timeout", await overTls(() => undefined)],
      ["the body hangs", "timeout", await overTls(half)],
    ];
    const outcomes = await onDeno(
      cases.map(([, code, at]) => ({
        how,
        addresses: [host],
        url: `https://localhost:${at}/`,
        timeout: code === "timeout" ? 500 : 5_000,
      })),
    );
    const codes = outcomes.map((outcome, index) => [
      cases[index]?.[0],
      "code" in outcome ? outcome.code : outcome.status,
    ]);
    expect(codes).toEqual(cases.map(([what, code]) => [what, code]));
  });

  it("a certificate that nobody vouches for, or of another name", async () => {
    const port = await servers("127.0.0.2").overTls((response) => response.end());
    const to = { how: "pinned", addresses: ["127.0.0.2"] } as const;
    const [unknown] = await onDeno([{ ...to, url: `https://localhost:${port}/` }], {
      env: { DENO_CERT: undefined },
    });
    const [other] = await onDeno([{ ...to, url: `https://other.example.com:${port}/` }]);
    expect([unknown, other]).toMatchObject([{ code: "tls-failed" }, { code: "tls-failed" }]);
  });
});
