import { Batches } from "./batches.ts";
import { type Call, type CallOptions, Connection, type ConnectionOptions } from "./connection.ts";
import { Deliveries } from "./deliveries.ts";
import { Endpoints } from "./endpoints.ts";
import { Tasks } from "./tasks.ts";
import type { TaskTypes } from "./typed.ts";
import type { SigningSecret, Stats } from "./types.ts";

export type { CallOptions, ChangeOptions, ConnectionOptions as RingbackOptions } from "./connection.ts";
export type { DeliveryFilter } from "./deliveries.ts";
// biome-ignore lint/performance/noBarrelFile: this is the entry of the package's client
export { RingbackError } from "./error.ts";
export type { EventOptions, TaskEvent } from "./events.ts";
export type { BatchOptions, BatchOutcome, SubmitOptions, SubmittedBatch, TaskFilter } from "./tasks.ts";
export type { BatchItem, InputOf, ResultOf, Task, TaskRef, TypeName } from "./typed.ts";
export type {
  Batch,
  Delivery,
  DeliverySummary,
  Endpoint,
  EndpointChange,
  EndpointSettings,
  EndpointWithHealth,
  Problem,
  Recovery,
  SigningSecret,
  Stats,
  TaskStatus,
  TestAttempt,
} from "./types.ts";
export type { WaitOptions } from "./wait.ts";

export interface StatsOptions extends CallOptions {
  /** How far the series goes back, such as `24h`. */
  readonly since?: string;
  readonly step?: "1h" | "1d";
}

/**
 * The client of a gateway. Give it the type of the deployment's task types, and inputs and results are checked.
 *
 * @example
 * ```ts
 * import { Ringback } from "ringback/client";
 * import type { tasks } from "./tasks.ts";
 *
 * const ringback = new Ringback<typeof tasks>({ url: "https://ringback.example.com", apiKey });
 * const task = await ringback.tasks.submit("text.shout", { text: "hello" });
 * console.log((await ringback.tasks.wait(task)).result);
 * ```
 */
export class Ringback<Types extends TaskTypes = TaskTypes> {
  readonly tasks: Tasks<Types>;
  readonly batches: Batches;
  readonly deliveries: Deliveries;
  readonly endpoints: Endpoints;
  readonly #connection: Connection;

  /** @throws TypeError when `url` is no address */
  constructor(options: ConnectionOptions) {
    this.#connection = new Connection(options);
    this.tasks = new Tasks(this.#connection);
    this.batches = new Batches(this.#connection);
    this.deliveries = new Deliveries(this.#connection);
    this.endpoints = new Endpoints(this.#connection);
  }

  /** How many tasks there are, by status and by hour or day. */
  stats({ signal, ...query }: StatsOptions = {}): Promise<Stats> {
    return this.request("GET", "/v1/stats", { query: { ...query }, signal });
  }

  /** Reads the secrets that sign the project's callbacks. The key needs `secrets:read`. */
  signingSecret(options: CallOptions = {}): Promise<SigningSecret> {
    return this.request("GET", "/v1/signing-secret", options);
  }

  /**
   * Makes any other request, with the same key, repetitions and errors.
   *
   * @param path such as `/v1/task-types`
   * @returns the answer's JSON; undefined when it has no body
   */
  request<Body>(method: string, path: string, call: Call = {}): Promise<Body> {
    return this.#connection.json(method, path, call);
  }
}
