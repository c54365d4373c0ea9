import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { DEDUPLICATION_WINDOW } from "../delivery/plan.ts";
import type { PublishOptions } from "../options.ts";
import type { Change, Journal } from "./journal.ts";
import { KEYS } from "./storage.ts";

interface Remembered {
  readonly messageId: string;
  readonly expiresAt: number;
}

/**
 * The ids of messages that were published in the last ten minutes (docs: features/deduplication). Neither
 * cancelling a message nor its failure frees its id.
 */
export class Deduplication {
  readonly #clock: Clock;
  readonly #journal: Journal;
  /** In the order of their expiry. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(clock: Clock, journal: Journal) {
    this.#clock = clock;
    this.#journal = journal;
  }

  load(records: ReadonlyMap<string, string>): void {
    const entries = [...records].map(([id, record]): [string, Remembered] => [id, JSON.parse(record)]);
    entries.sort(([, a], [, b]) => a.expiresAt - b.expiresAt);
    for (const [id, remembered] of entries) this.#remembered.set(id, remembered);
    this.#expire();
  }

  /** The message that was published under this id within the window. */
  find(id: string): string | undefined {
    this.#expire();
    return this.#remembered.get(id)?.messageId;
  }

  remember(id: string, messageId: string): Change {
    const remembered = { messageId, expiresAt: this.#clock.now() + DEDUPLICATION_WINDOW };
    this.#remembered.set(id, remembered);
    return { hash: KEYS.deduplication, field: id, value: JSON.stringify(remembered) };
  }

  #expire(): void {
    const now = this.#clock.now();
    const changes: Change[] = [];
    for (const [id, { expiresAt }] of this.#remembered) {
      if (expiresAt > now) break;
      this.#remembered.delete(id);
      changes.push({ hash: KEYS.deduplication, field: id, value: null });
    }
    if (changes.length > 0) void this.#journal.write(changes);
  }
}

/** The id that a publish is deduplicated by, or undefined when it is not. */
export function deduplicationKey(
  destination: string,
  options: PublishOptions,
  body: Buffer,
): string | undefined {
  if (options.deduplicationId !== undefined) return `id:${options.deduplicationId}`;
  if (!options.contentBasedDeduplication) return undefined;
  const header = Object.entries(options.header ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash("sha256")
    .update(JSON.stringify([destination, header]))
    .update(body);
  return `content:${hash.digest("hex")}`;
}
