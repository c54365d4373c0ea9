import type { Chore, DueAction, GivenMessage } from "../commands/sweep.ts";

/** Keeps the due set. */
export interface DueStore {
  /** Partitions, of the first so many, that seem to have due entries: by the edge's clock, so it is only a hint. */
  seemDue(partitions: number): Promise<readonly number[]>;
  /** Members of a partition's due set whose time has come, at most 100. */
  peekDue(partition: number): Promise<readonly string[]>;
  /**
   * Inspects each member that is still due, in their order, and says what to do for it; postpones the next look.
   *
   * @param most entries that may cost requests of their own; further ones stay due
   */
  reconcile(
    partition: number,
    members: readonly string[],
    nonce: string,
    most?: number,
  ): Promise<readonly DueAction[]>;
  /** Notes the messages that the queue was given. */
  given(messages: readonly GivenMessage[]): Promise<void>;
  /** Notes that a sweep was made. */
  swept(): Promise<void>;
}

/** Keeps the chores. */
export interface ChoreStore {
  /** The chores of a partition, at most 10; they come up again until they are done. */
  takeChores(partition: number): Promise<readonly Chore[]>;
  /** Inspects some of a project's API keys and removes at most so many that have expired; says how many it did. */
  purgeKeys(project: string, most: number): Promise<number>;
}
