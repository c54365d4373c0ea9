/** A caller whose key passed the MAC filter; Redis decides whether the key is still there. */
export interface Caller {
  readonly project: string;
  /** Hex of the key's UUID; empty for callers that proved themselves by a signature of ours. */
  readonly key: string;
  /** Hex SHA-256 of the key's secret. */
  readonly hash: string;
}

/** What Redis refuses to a key. */
export type Denied = { readonly kind: "unauthenticated" } | { readonly kind: "forbidden" };

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
