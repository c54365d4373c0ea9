import { connect, type Socket } from "node:net";

/**
 * Sends a request over a connection that the test can drop. Dropping resets it: a client that merely ends its half of
 * a TCP connection may still read, so that workerd goes on answering it.
 */
export function sendAndLeave(
  url: string,
  request: { method: string; headers: Readonly<Record<string, string>>; body?: string },
): { leave(): void; received(): string } {
  const { hostname, port, host, pathname, search } = new URL(url);
  const body = request.body ?? "";
  const headers = { ...request.headers, host, "content-length": `${Buffer.byteLength(body)}` };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  let text = "";
  const socket: Socket = connect(Number(port), hostname, () => {
    socket.write(`${request.method} ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  });
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return { leave: () => socket.resetAndDestroy(), received: () => text };
}
