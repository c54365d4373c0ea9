import type { CallOptions, ChangeOptions, Connection } from "./connection.ts";
import { items } from "./pages.ts";
import type { Delivery, DeliverySummary } from "./types.ts";

export interface DeliveryFilter extends CallOptions {
  readonly taskId?: string;
  readonly batchId?: string;
  readonly endpointId?: string;
  readonly status?: DeliverySummary["status"];
  /** Why the last attempt failed, such as `http-5xx`. */
  readonly errorCode?: string;
  readonly createdAfter?: string | Date;
  readonly createdBefore?: string | Date;
  /** Items per page, 1 to 100. */
  readonly limit?: number;
}

/** The calls that are about deliveries. */
export class Deliveries {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The deliveries of the project, of a task or to an endpoint; without their attempts. */
  list({ signal, ...filter }: DeliveryFilter = {}): AsyncGenerator<DeliverySummary, void, void> {
    return items(this.#connection, "/v1/deliveries", filter, { signal });
  }

  /** Reads a delivery, with its attempts. */
  get(id: string, options: CallOptions = {}): Promise<Delivery> {
    return this.#connection.json("GET", pathOf(id), options);
  }

  /** Sends an ended delivery again: the same event, with the schedule from its start. */
  redeliver(id: string, options: ChangeOptions = {}): Promise<Delivery> {
    return this.#connection.json("POST", `${pathOf(id)}/redeliver`, options);
  }
}

const pathOf = (id: string): string => `/v1/deliveries/${encodeURIComponent(id)}`;
