import { type Backing, type Gateway, type Runtime, startGateway } from "./stack.ts";

/** A gateway that is deployed again with other variables, at the same address. */
export class Redeployment {
  readonly #runtime: Runtime;
  #gateway: Gateway | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  async deploy(backing: Backing, env: Readonly<Record<string, string>>): Promise<Gateway> {
    const port = this.#gateway && Number(new URL(this.#gateway.url).port);
    await this.stop();
    this.#gateway = await startGateway(this.#runtime, backing, { env, ...(port && { port }) });
    return this.#gateway;
  }

  async stop(): Promise<void> {
    await this.#gateway?.running.stop();
  }
}
