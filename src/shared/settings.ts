/** The checked configuration; durations in milliseconds, sizes in bytes. */
export interface Settings {
  readonly publicUrl: string;
  readonly adminToken: string;
  /** Opens `/metrics` and nothing else; the admin token does too. */
  readonly metricsToken?: string;
  readonly retrySchedule: readonly number[];
  readonly callbackTimeout: number;
  readonly resultTtl: number;
  /** Accepted tasks per project and second. */
  readonly rateLimit: number;
  /** Reads per project and second, of one process. */
  readonly readLimit: number;
  /** Tasks that have not ended, per project. */
  readonly maxOpen: number;
  readonly maxBody: number;
  /** Attempts that run at a time: per `concurrencyKey`, and per project of what nothing else limits. */
  readonly concurrency: { readonly perKey: number; readonly perProject: number };
  /** Origins whose pages may read the answers; `*`: any. */
  readonly corsOrigins: readonly string[];
  /** Endpoints per project. */
  readonly maxEndpoints: number;
  readonly partitions: number;
  readonly version: string;
}
