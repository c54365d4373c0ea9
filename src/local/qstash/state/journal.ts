import type { Engine, Reply } from "../../engine.ts";
import { ReplyError } from "../../engine.ts";

/** One field of a hash set, or removed with `null`; or one entry appended to a list. */
export type Change =
  | { readonly hash: string; readonly field: string; readonly value: string | null }
  | { readonly list: string; readonly entry: string };

/** Milliseconds between attempts to write while Redis is away. */
const RETRY_INTERVAL_MS = 200;

interface Batch {
  readonly hashes: Map<string, Map<string, string | null>>;
  readonly lists: Map<string, string[]>;
  readonly waiting: { resolve: () => void }[];
}

const emptyBatch = (): Batch => ({ hashes: new Map(), lists: new Map(), waiting: [] });

/**
 * Writes changes to Redis by group commit: while one transaction is under way, what comes meanwhile gathers
 * for the next, so that a thousand messages a second cost a few hundred round trips. A batch is one
 * MULTI/EXEC, all or nothing, and batches keep their order. A batch that Redis does not take is repeated
 * until it does, later changes laid over it: nothing that a caller was promised is forgotten.
 */
export class Journal {
  readonly #engine: Engine;
  readonly #prefix: string;
  readonly #listLimit: number;
  readonly #onError: (error: Error) => void;
  #batch = emptyBatch();
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(engine: Engine, prefix: string, listLimit: number, onError: (error: Error) => void) {
    this.#engine = engine;
    this.#prefix = prefix;
    this.#listLimit = listLimit;
    this.#onError = onError;
  }

  /** Resolves once the changes, and all that were written before them, are in Redis. */
  write(changes: readonly Change[]): Promise<void> {
    for (const change of changes) {
      if ("hash" in change)
        entryOf(this.#batch.hashes, change.hash, () => new Map()).set(change.field, change.value);
      else entryOf(this.#batch.lists, change.list, () => []).push(change.entry);
    }
    const written = new Promise<void>((resolve) => this.#batch.waiting.push({ resolve }));
    this.#running ??= this.#run();
    return written;
  }

  /** Ends after one last attempt to write what is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // All writes of this turn of the event loop go into the first batch.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#batch.waiting.length > 0) {
      const batch = this.#batch;
      this.#batch = emptyBatch();
      try {
        await this.#commit(batch);
        for (const { resolve } of batch.waiting) resolve();
      } catch (error) {
        this.#onError(error instanceof Error ? error : new Error(String(error)));
        this.#batch = overlay(batch, this.#batch);
        if (this.#isClosed) break;
        await new Promise((resolve) => setTimeout(resolve, RETRY_INTERVAL_MS));
      }
    }
    this.#running = undefined;
  }

  async #commit(batch: Batch): Promise<void> {
    const commands: string[][] = [];
    for (const [hash, fields] of batch.hashes) {
      const set = [...fields].flatMap(([field, value]) => (value === null ? [] : [field, value]));
      const removed = [...fields].flatMap(([field, value]) => (value === null ? [field] : []));
      if (set.length > 0) commands.push(["HSET", this.#prefix + hash, ...set]);
      if (removed.length > 0) commands.push(["HDEL", this.#prefix + hash, ...removed]);
    }
    for (const [list, entries] of batch.lists) {
      commands.push(["RPUSH", this.#prefix + list, ...entries]);
      commands.push(["LTRIM", this.#prefix + list, String(-this.#listLimit), "-1"]);
    }
    if (commands.length === 0) return;
    const replies = await this.#engine.transaction(commands);
    const failed = replies instanceof ReplyError ? replies : replies.find(isError);
    if (failed) throw new Error(`Redis refused a transaction: ${failed.message}`);
  }
}

const isError = (reply: Reply): reply is ReplyError => reply instanceof ReplyError;

function entryOf<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function overlay(earlier: Batch, later: Batch): Batch {
  for (const [hash, fields] of later.hashes) {
    const below = entryOf(earlier.hashes, hash, () => new Map<string, string | null>());
    for (const [field, value] of fields) below.set(field, value);
  }
  for (const [list, entries] of later.lists) entryOf(earlier.lists, list, () => []).push(...entries);
  earlier.waiting.push(...later.waiting);
  return earlier;
}
