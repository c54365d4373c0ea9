/** What is kept of the last probe. */
export interface ProbeState {
  /** Whether this very call's probe is the last one. */
  readonly begun: boolean;
  /** Redis's time, and when the probe was begun; 0 before the first. */
  readonly now: number;
  readonly at: number;
  readonly nonce: string;
  /** Its message's id, once the queue has taken it. */
  readonly message?: string;
  /** How it arrived: a verdict on its signature, as JSON. */
  readonly note?: string;
  /** What came of it, as JSON, once that is known. */
  readonly answer?: string;
}

/** What is noted of a probe, each once. */
export type ProbeNote = "message" | "note" | "answer";

/** What became of a message: what its destination answered, or why there was no answer. */
export type Fate =
  | { readonly kind: "answered"; readonly status: number }
  | { readonly kind: "failed"; readonly error: string };

/** The plan's calls in flight. */
export interface Slots {
  readonly most: number;
  readonly used: number;
}

/** What the doctor asks the queue. Every method throws QueueUnavailable when the queue does not answer as it should. */
export interface QueueExaminer {
  /** The HTTP status of a request that needs a good token. */
  status(): Promise<number>;
  /** Sends a probe to our own address, once. @returns the message's id */
  probe(nonce: string): Promise<string>;
  /** What the log says became of a message; undefined while it says nothing. */
  fate(message: string): Promise<Fate | undefined>;
  /** Undefined where the queue does not tell. */
  slots(): Promise<Slots | undefined>;
}

/** What only the doctor needs of the deployment. */
export interface DoctorParts {
  readonly queue: QueueExaminer;
  /** The queue's own address. */
  readonly queueUrl: string;
  /** Milliseconds between the sweeps. */
  readonly sweepInterval: number;
  /** Whether names of receivers are resolved. */
  readonly resolves: boolean;
}
