import { type Agent, type IncomingMessage, request } from "node:http";

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A stream is read for so long; nobody waits for an answer for longer than the other. */
const STREAM_FOR = 150;
const INLINE_WAIT = 40_000;

/**
 * Sends a request as it is: node's own `fetch` would put a path into its normal form first.
 *
 * @throws Error when the connection broke or no answer came
 */
export function send(
  agent: Agent,
  url: string,
  method: string,
  target: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const length = body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` }; // else a GET's is left out
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        hostname,
        port,
        method,
        path: target,
        headers: { ...headers, ...length },
        timeout: INLINE_WAIT,
      },
      (incoming) => {
        read(incoming, method).then(resolve, reject);
      },
    );
    outgoing.once("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

function read(incoming: IncomingMessage, method: string): Promise<Answer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    const done = (): void =>
      resolve({
        status: incoming.statusCode ?? 0,
        headers: Object.fromEntries(
          Object.entries(incoming.headers).map(([name, value]) => [name, [value].flat().join(", ")]),
        ),
        body: Buffer.concat(chunks).toString(),
      });
    const isStream = incoming.headers["content-type"]?.startsWith("text/event-stream") && method !== "HEAD";
    if (isStream) {
      setTimeout(() => {
        done();
        incoming.destroy();
      }, STREAM_FOR);
    }
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.once("end", done);
    incoming.once("error", (error) => (isStream ? done() : reject(error)));
  });
}
