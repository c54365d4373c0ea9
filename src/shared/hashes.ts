/** Bytes with memory of their own. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A value at once, or a promise of it: one runtime computes synchronously, another does not. */
export type Eventually<Value> = Value | Promise<Value>;

/** Hashes, and the comparison of secrets. */
export interface Hashes {
  readonly sha256: (bytes: Bytes) => Eventually<Bytes>;
  readonly sha1: (bytes: Bytes) => Eventually<Bytes>;
  /**
   * Whether two byte strings are equal. The duration depends on their lengths alone, wherever the first difference is.
   */
  readonly equal: (one: Uint8Array, other: Uint8Array) => boolean;
}
