import type { ApiKey } from "./principal.ts";

/** How long a session of the console is valid, milliseconds. */
export const SESSION_LIFE = 12 * 3_600_000;

/** The admin, by the hash of the admin token: another token ends the session. */
export interface SignedInAdmin {
  readonly kind: "admin";
  /** Hex SHA-256 of the admin token. */
  readonly hash: string;
}

/** A session of the console, as its sealed cookie keeps it. */
export interface Session {
  /** The signed-in party. Of an API key, Redis still decides on each request whether it exists and what it allows. */
  readonly owner: ApiKey | SignedInAdmin;
  /** Milliseconds. */
  readonly expiresAt: number;
}
