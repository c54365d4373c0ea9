const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

/** The limits of an account. */
export interface Plan {
  /** Calls in flight, all destinations together; what exceeds it waits. */
  readonly parallelism: number;
  /** Bytes of one message's body. */
  readonly maxMessageSize: number;
  /** Bytes of one batch request. */
  readonly maxBatchSize: number;
  /** Milliseconds after which a call that has not been answered counts as failed. */
  readonly maxResponseDuration: number;
  readonly maxDelay: number;
  readonly schedules: number;
  readonly dlqRetention: number;
  readonly logRetention: number;
}

const MEBIBYTE = 2 ** 20;

/** Pay as you go, as https://upstash.com/pricing/qstash lists it. */
export const PAY_AS_YOU_GO: Plan = {
  parallelism: 100,
  maxMessageSize: 10 * MEBIBYTE,
  maxBatchSize: 100 * MEBIBYTE,
  maxResponseDuration: 2 * HOUR,
  maxDelay: 366 * DAY,
  schedules: 1_000,
  dlqRetention: 7 * DAY,
  logRetention: 7 * DAY,
};

/** Extra attempts after the first where a publisher names no number. */
export const DEFAULT_RETRIES = 3;

/** How long a deduplication id is remembered (docs: features/deduplication). */
export const DEDUPLICATION_WINDOW = 600 * SECOND;

/** No delay between attempts is longer (docs: features/retry). */
export const LONGEST_BACKOFF = DAY;

/** The longest period of a flow-control rate. */
export const LONGEST_RATE_PERIOD = 7 * DAY;
