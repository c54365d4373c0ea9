import type { CallOptions, ChangeOptions, Connection } from "./connection.ts";
import { items } from "./pages.ts";
import type {
  ChangedEndpoint,
  Endpoint,
  EndpointChange,
  EndpointSettings,
  EndpointWithHealth,
  NewEndpoint,
  RecoverOptions,
  Recovery,
  SigningSecret,
  TestAttempt,
} from "./types.ts";

/** The calls that are about registered endpoints. */
export class Endpoints {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Registers an endpoint. It is sent nothing before it is verified. */
  create(settings: EndpointSettings, options: ChangeOptions = {}): Promise<NewEndpoint> {
    return this.#connection.json("POST", "/v1/endpoints", { ...options, body: settings });
  }

  /** The project's endpoints, newest first. */
  list({
    signal,
    ...page
  }: CallOptions & { readonly limit?: number } = {}): AsyncGenerator<Endpoint, void, void> {
    return items(this.#connection, "/v1/endpoints", page, { signal });
  }

  /** Reads an endpoint, with its health. */
  get(id: string, options: CallOptions = {}): Promise<EndpointWithHealth> {
    return this.#connection.json("GET", pathOf(id), options);
  }

  /** Changes an endpoint: members that are absent stay, `null` takes one away. */
  update(id: string, change: EndpointChange, options: CallOptions = {}): Promise<ChangedEndpoint> {
    return this.#connection.json("PATCH", pathOf(id), { ...options, body: change });
  }

  /** Deletes an endpoint. */
  delete(id: string, options: CallOptions = {}): Promise<void> {
    return this.#connection.json("DELETE", pathOf(id), options);
  }

  /** Asks the receiver whether it wants events. */
  verify(
    id: string,
    {
      verification,
      ...options
    }: ChangeOptions & { readonly verification?: "challenge" | "cloudevents" } = {},
  ): Promise<Endpoint> {
    return this.#post(id, "verify", options, { verification });
  }

  /** Sends a test event once, and gives the outcome. */
  test(id: string, options: CallOptions = {}): Promise<TestAttempt> {
    return this.#post(id, "test", options);
  }

  /** Sends dead letters again, up to 1,000; `nextCursor` continues. */
  recover(id: string, letters: RecoverOptions, options: ChangeOptions = {}): Promise<Recovery> {
    return this.#post(id, "recover", options, letters);
  }

  /** Reads the secrets that sign its events. */
  secret(id: string, options: CallOptions = {}): Promise<SigningSecret> {
    return this.#connection.json("GET", `${pathOf(id)}/secret`, options);
  }

  /** Gives it a new secret; the old one signs along for `overlap`. Undefined for a key that may not read secrets. */
  rotateSecret(
    id: string,
    { overlap, ...options }: ChangeOptions & { readonly overlap?: string } = {},
  ): Promise<SigningSecret | undefined> {
    return this.#post(id, "rotate-secret", options, { overlap });
  }

  #post<Body>(id: string, verb: string, options: ChangeOptions, body?: unknown): Promise<Body> {
    return this.#connection.json("POST", `${pathOf(id)}/${verb}`, { ...options, body });
  }
}

const pathOf = (id: string): string => `/v1/endpoints/${encodeURIComponent(id)}`;
