/** Where a program finds the services that the gateway uses too. */
export interface Services {
  readonly redisUrl: string;
  readonly redisToken: string;
  readonly qstashUrl: string;
  readonly qstashToken: string;
  /** The program's own address, for QStash. */
  readonly publicUrl: string;
  /** The gateway's master secret: the limit checks the same API keys. */
  readonly masterSecret: string;
}
