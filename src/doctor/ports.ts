/** The stored record of the last probe. */
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
  /** Its result as JSON, once it is known. */
  readonly answer?: string;
}

/** The facts recorded about a probe, each once. */
export type ProbeNote = "message" | "note" | "answer";

/** The fate of a message: the answer of its destination, or the reason why there was none. */
export type Fate =
  | { readonly kind: "answered"; readonly status: number }
  | { readonly kind: "failed"; readonly error: string };

/** The plan's calls in flight. */
export interface Slots {
  readonly most: number;
  readonly used: number;
}

/**
 * The doctor's questions to the queue. Every method throws QueueUnavailable when the queue does not answer properly.
 */
export interface QueueExaminer {
  /** The HTTP status of a request that needs a good token. */
  status(): Promise<number>;
  /** Sends a probe to our own address, once. @returns the message's id */
  probe(nonce: string): Promise<string>;
  /** The fate of the message according to the log; undefined while the log says nothing. */
  fate(message: string): Promise<Fate | undefined>;
  /** Undefined where the queue does not report it. */
  slots(): Promise<Slots | undefined>;
}

/** The parts of the deployment that only the doctor needs. */
export interface DoctorParts {
  readonly queue: QueueExaminer;
  /** The queue's own address. */
  readonly queueUrl: string;
  /** Milliseconds between the sweeps. */
  readonly sweepInterval: number;
  /** Whether names of receivers are resolved. */
  readonly resolves: boolean;
}
