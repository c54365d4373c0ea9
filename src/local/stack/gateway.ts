import type { Build } from "../../../scripts/fresh.ts";
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
  /** Resolves, with the reason in words, when the runtime ended without a request to. */
  readonly crashed: Promise<string>;
  close(): Promise<void>;
}
