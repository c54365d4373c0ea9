import type { CallOptions, Connection } from "./connection.ts";
import type { Batch } from "./types.ts";

/** The calls that are about batches with one callback. */
export class Batches {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Reads how many tasks of a batch have ended, and how. */
  async get(batch: string | { readonly id: string }, options: CallOptions = {}): Promise<Batch> {
    const id = typeof batch === "string" ? batch : batch.id;
    return await this.#connection.json("GET", `/v1/batches/${encodeURIComponent(id)}`, options);
  }
}
