import { createServer } from "node:net";
import type { Build } from "../build.ts";
import type { Variables } from "./services.ts";

export interface GatewayOptions {
  /** Listens on 127.0.0.1. */
  readonly port: number;
  readonly variables: Variables;
  readonly build: Build;
  /** Milliseconds between sweeps. */
  readonly sweepEvery: number;
}

/** The gateway on one of its runtimes. */
export interface Gateway {
  /** Resolves, with the reason in words, when the runtime ended without being told to. */
  readonly crashed: Promise<string>;
  close(): Promise<void>;
}

/**
 * The port itself, or for 0 one that is free.
 *
 * @throws Error `EADDRINUSE` when it is taken.
 */
export function reservePort(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
