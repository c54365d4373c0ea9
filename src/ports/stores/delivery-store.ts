import type { Denied } from "../../projects/caller.ts";
import type { Client, System } from "../../projects/principal.ts";
import type { DeliveryRecord } from "../../tasks/record.ts";
import type {
  BeginCommand,
  DeadLettersAnswer,
  DeadLettersQuery,
  EndpointHealth,
  LeaseDeliveryAnswer,
  RecordAnswer,
  RecordCommand,
  RedeliverAnswer,
  RedeliverCommand,
} from "../commands/delivery.ts";

/** Makes delivery attempts. */
export interface DeliveryStore {
  leaseDelivery(command: BeginCommand): Promise<LeaseDeliveryAnswer>;
  /**
   * Gives a leased attempt back without counting it: milliseconds until it is due again; undefined when it has waited
   * for its endpoint's verification long enough.
   */
  putOff(command: Omit<BeginCommand, "length" | "place">): Promise<number | undefined>;
  record(command: RecordCommand): Promise<RecordAnswer>;
}

/** Reads deliveries. */
export interface DeliveryReadStore {
  readDeliveries(
    caller: Client | System,
    ids: readonly string[],
  ): Promise<
    Denied | { readonly kind: "found"; readonly now: number; readonly records: readonly DeliveryRecord[] }
  >;
  /** The frozen body that the deliveries of an event share, in one format; undefined when it is no longer kept. */
  readBody(project: string, event: string, format: string): Promise<string | undefined>;
}

/** Sends ended deliveries again. */
export interface RedeliveryStore {
  redeliver(command: RedeliverCommand): Promise<RedeliverAnswer>;
  /** Sends many again in one Redis request. */
  redeliverAll(commands: readonly RedeliverCommand[]): Promise<readonly RedeliverAnswer[]>;
  /** An endpoint's dead letters, oldest first. */
  listDeadLetters(query: DeadLettersQuery): Promise<DeadLettersAnswer>;
}

/** Reports the health of endpoints. */
export interface EndpointHealthStore {
  /** Of some endpoints, in order. */
  readHealth(
    project: string,
    endpoints: readonly { readonly id: string; readonly url: string }[],
  ): Promise<readonly EndpointHealth[]>;
}
