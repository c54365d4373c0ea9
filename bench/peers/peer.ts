import type { Contender } from "../load.ts";

/** Another system that does the same work: accepts a task, runs it, posts the result to the callback URL. */
export interface Peer {
  readonly contender: Contender;
  stop(): Promise<void>;
}
