import { createServer } from "node:net";
import { CommandFailure, codeOf } from "../command/failure.ts";

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
    if (codeOf(error) === "EADDRINUSE") return listen(0);
    throw error;
  }
}

/**
 * The port that `PORT` names, or the usual one; 0 is any free one.
 *
 * @throws CommandFailure
 */
export function portIn(env: Readonly<Record<string, string | undefined>>, usual: number): number {
  const text = env["PORT"] || `${usual}`;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new CommandFailure("PORT must be a whole number from 0 to 65535");
}

/**
 * Listens on this port of 127.0.0.1 and no other.
 *
 * @throws CommandFailure when it is taken, or not ours to take
 */
export async function onPort<T>(port: number, listen: (port: number) => Promise<T>): Promise<T> {
  try {
    return await listen(port);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EADDRINUSE")
      throw new CommandFailure(`PORT ${port} of 127.0.0.1 is taken`, { cause: error });
    if (code === "EACCES")
      throw new CommandFailure(`PORT ${port} of 127.0.0.1 may not be taken`, { cause: error });
    throw error;
  }
}

/**
 * The port itself, or for 0 one that is free.
 *
 * @throws CommandFailure when it is taken
 */
export async function freePort(port: number): Promise<number> {
  const held = await onPort(port, hold);
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
