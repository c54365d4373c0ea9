/** Where a floor finds the services that the gateway uses too. */
export interface Services {
  readonly redisUrl: string;
  readonly redisToken: string;
  readonly qstashUrl: string;
  readonly qstashToken: string;
  /** The floor's own address, for QStash. */
  readonly publicUrl: string;
}
