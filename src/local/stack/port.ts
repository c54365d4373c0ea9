import { createServer } from "node:net";

/** A port of 127.0.0.1 that nobody else can take until it is released. */
export interface HeldPort {
  readonly port: number;
  /** Gives it free for the one that it is meant for; again, it does nothing. */
  release(): Promise<void>;
}

/** Holds a port, or a free one when it is taken. */
export const holdPort = (usual: number): Promise<HeldPort> => onFreePort(usual, hold);

/** Listens on the usual port, or on a free one when that is taken. */
export async function onFreePort<T>(usual: number, listen: (port: number) => Promise<T>): Promise<T> {
  try {
    return await listen(usual);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return listen(0);
    throw error;
  }
}

/**
 * The port itself, or for 0 one that is free.
 *
 * @throws Error `EADDRINUSE` when it is taken.
 */
export async function freePort(port: number): Promise<number> {
  const held = await hold(port);
  await held.release();
  return held.port;
}

function hold(port: number): Promise<HeldPort> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      if (!address || typeof address === "string") return reject(new Error("a port was expected"));
      const closed = new Promise<void>((done) => server.once("close", done));
      resolve({
        port: address.port,
        release: () => {
          server.close();
          return closed;
        },
      });
    });
  });
}
