/** The options of `listen` itself. */
export interface ListenOptions {
  readonly port?: string;
  readonly forwardTo?: string;
  readonly status?: string;
  readonly secret?: string;
}
