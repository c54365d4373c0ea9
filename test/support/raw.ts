import { connect } from "node:net";

/** The answer over a bare connection, as far as it is one answer. */
export interface RawAnswer {
  /** 0 when the connection was closed without a word. */
  readonly status: number;
  readonly text: string;
}

/**
 * Writes bytes to a server as no client would, and reads until it has answered, closes, or stays silent.
 *
 * @param patienceMs how long nothing may come, 3 s unless given
 */
export function sendRaw(url: string, bytes: string, patienceMs = 3_000): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(Number(port), hostname, () => socket.write(bytes, "latin1"));
    const done = (): void => {
      socket.destroy();
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text });
    };
    socket.setTimeout(patienceMs, done);
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
      const [head = "", body = ""] = text.split("\r\n\r\n");
      const length = /^content-length: *(\d+)/im.exec(head)?.[1];
      if (length !== undefined && body.length >= Number(length)) done();
    });
    socket.once("error", done); // reset by a server that has had enough
    socket.once("close", done);
  });
}

/**
 * Announces so many bytes of JSON, and sends the first of them: a server that refuses by the length
 * alone closes the connection on a client that is still writing, and some clients then report that and not the answer.
 */
export function announce(
  { url, authorization }: { readonly url: string; readonly authorization: string },
  path: string,
  length: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  const fields = { authorization, "content-type": "application/json", ...headers, "content-length": length };
  const lines = Object.entries({ host: new URL(url).host, ...fields }).map((field) => field.join(": "));
  return sendRaw(url, [`POST ${path} HTTP/1.1`, ...lines, "", "{"].join("\r\n"));
}
