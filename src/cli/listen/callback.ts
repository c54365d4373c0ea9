import type { IncomingMessage } from "node:http";

/** A request as it came, byte for byte. */
export interface Callback {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** A gateway's callback is far smaller. */
const MOST = 8 * 1_048_576;

export async function readRequest(request: IncomingMessage): Promise<Callback> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST) throw new Error("its body is larger than 8 MiB");
    chunks.push(chunk);
  }
  const { method = "POST", url: path = "/", headers } = request;
  return { method, path, headers, body: Buffer.concat(chunks) };
}

export function headerOf({ headers }: Callback, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? "";
}
