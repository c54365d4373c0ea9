import type { Send } from "./adapters/egress/fetch.ts";
import type { Authenticate } from "./http/access/app-user.ts";
import type { CryptoProvider } from "./ports/crypto-provider.ts";
import type { RenderLine } from "./shared/log/log.ts";
import type { AnyTask } from "./task.ts";

/** The parts of a deployment that its code decides. */
export interface Deployed {
  readonly tasks: readonly AnyTask[];
  /** Task types that exist only with `RINGBACK_DIAGNOSTICS=true`. */
  readonly diagnostics?: readonly AnyTask[] | undefined;
  /**
   * Names the user of the app that the gateway is a part of, so that the app's own pages may use the API. Asked only for
   * requests without `Authorization`, and never under `/admin`.
   */
  readonly authenticate?: Authenticate | undefined;
  /** How requests to client-supplied URLs are sent; the runtime's fetch unless given. */
  readonly send?: Send | undefined;
  /** Hashes, signs and encrypts; Web Crypto unless given. */
  readonly crypto?: CryptoProvider | undefined;
  /**
   * Whether scripts of concurrent requests share a request to Redis. Never on Workers: there a request must not wait for
   * what another one has sent.
   */
  readonly sharesRequests?: boolean | undefined;
  /** How a line of the log is written; as JSON unless given. */
  readonly renderLine?: RenderLine | undefined;
}
