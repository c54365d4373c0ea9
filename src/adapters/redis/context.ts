import type { Hashes } from "../../shared/hashes.ts";
import type { Retention } from "../../tasks/retention.ts";
import type { Payloads } from "./payloads.ts";
import type { KeptConfigs } from "./projects/kept-configs.ts";
import type { BatchRunner, Runner } from "./script.ts";

/** The parts that the functions next to the scripts use. */
export interface Context {
  /** For reads and what takes away: a client waits, so it repeats once and gives up early. */
  readonly quick: Runner;
  /** The same for what adds to the store, which a full database refuses: room is for what was accepted. */
  readonly adding: Runner;
  /** Many scripts in one request of a client's. */
  readonly many: BatchRunner;
  /** For workers: it repeats more often. */
  readonly worker: Runner;
  /** One page of the names of all keys, and the cursor of the next; `0` begins and ends. */
  readonly scan: (cursor: string) => Promise<readonly [cursor: string, keys: readonly string[]]>;
  readonly hashes: Hashes;
  /** Encrypts and opens payloads. */
  readonly payloads: Payloads;
  /** Configurations that were read before. */
  readonly configs: KeptConfigs;
  /** How long ended things are kept. */
  readonly retention: Retention;
  /** Milliseconds added to Redis's clock: 0 outside tests. */
  readonly offset: number;
  /** The edge's clock, only to guess which hour Redis will say. */
  readonly clock: () => number;
  /** Whether dead letters are filed by the day too, for the release before. */
  readonly filesByDay: () => boolean;
}
