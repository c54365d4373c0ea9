import type { Idempotency } from "../shared/idempotency.ts";

/** The reasons for which Redis refuses a caller. `unknown-project`: the admin named a project that does not exist. */
export type Denied = {
  readonly kind: "unauthenticated" | "forbidden" | "unknown-project";
};

export type Scope =
  | "tasks:write"
  | "tasks:read"
  | "endpoints:write"
  | "endpoints:read"
  | "secrets:read"
  | "secrets:write"
  | "admin"
  | `service:${string}`;

/** A project's configuration as Redis keeps it: its version and one JSON text. */
export interface StoredConfig {
  readonly version: number;
  readonly json: string;
}

export type ReadAnswer<T> =
  | Denied
  | { readonly kind: "missing"; readonly now: number }
  | ({ readonly kind: "found"; readonly now: number } & T);

export interface ApiKeyRecord {
  /** Hex of the key's UUID. */
  readonly key: string;
  readonly hash: string;
  /** Milliseconds; 0: never. */
  readonly expiresAt: number;
  readonly scopes: readonly string[];
  readonly createdAt: number;
  readonly name: string;
}

/** A key that is made once per idempotency key. */
export interface KeyOnce {
  readonly idempotency: Idempotency;
  /** The key's id. */
  readonly id: string;
  /** The whole answer, encrypted: it holds the key's text. */
  readonly encrypted: string;
}

export type PutKeyAnswer =
  | { readonly kind: "granted" }
  /** The idempotency key belongs to another request. */
  | { readonly kind: "reused" }
  /** The idempotency key made a key before: what was answered then. */
  | { readonly kind: "repeated"; readonly encrypted: string };

/** A project's own limits; undefined leaves one as it is, null resets it to the deployment's. */
export interface ProjectLimits {
  /** Metadata keys by which its tasks can be found. */
  readonly searchable?: readonly string[];
  /** Tasks per second. */
  readonly rateLimit?: number | null;
  /** Tasks that have not ended. */
  readonly maxOpen?: number | null;
  /** Whether a submit without an Idempotency-Key is refused. */
  readonly requireIdempotencyKey?: boolean;
}
