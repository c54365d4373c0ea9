import type { Chore, DueAction, GivenMessage } from "./sweep-commands.ts";

/** Keeps what is due. */
export interface DueStore {
  /** Partitions, of the first so many, that seem to have something due: by the edge's clock, so it is a hint alone. */
  seemDue(partitions: number): Promise<readonly number[]>;
  /** Members of a partition's due set whose time has come, at most 100. */
  peekDue(partition: number): Promise<readonly string[]>;
  /**
   * What has to be done for each member that is still due, in their order; puts off the next look.
   *
   * @param most entries that may cost requests of their own; those beyond stay due
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

/** Keeps what has to be cleared away. */
export interface ChoreStore {
  /** What has to be cleared away in a partition, at most 10 chores; they come up again unless they are done. */
  takeChores(partition: number): Promise<readonly Chore[]>;
  /** Looks over some of a project's API keys and removes at most so many that have expired; says how many it did. */
  purgeKeys(project: string, most: number): Promise<number>;
}
