import { once } from "node:events";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";

/** Where callbacks of the fuzzed gateway go. */
export interface Listener {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Listens: challenges are answered as their sender wants it, paths under `/fails` answer 500, everything else 200.
 *
 * @param hear is told of every body
 */
export async function listen(hear: (path: string, body: unknown) => void): Promise<Listener> {
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    json(request).then(
      (body) => {
        hear(path, body);
        const challenge = (body as { data?: { challenge?: unknown } } | null)?.data?.challenge; // looked for, not relied on
        const status = path.startsWith("/fails") ? 500 : 200;
        response.writeHead(status, { "content-type": "application/json" });
        response.end(challenge === undefined ? "{}" : JSON.stringify({ challenge }));
      },
      () => response.writeHead(200).end(), // no JSON: a link that is looked at, or a service's request
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the receiver has no address");
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
