import type { Clock } from "./clock.ts";
import { badRequest, notFound, overLimit } from "./errors.ts";
import type { Change, Journal } from "./journal.ts";
import { checkUrl } from "./options.ts";
import type { Plan } from "./plan.ts";
import { checkName } from "./queues.ts";
import { KEYS } from "./storage.ts";

export interface Endpoint {
  readonly name?: string;
  readonly url: string;
}

interface Topic {
  readonly name: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly endpoints: readonly Endpoint[];
}

/** URL groups, "topics" on the wire: a message to one becomes a message to each of its endpoints. */
export class Topics {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #plan: Plan;
  readonly #topics = new Map<string, Topic>();

  constructor(clock: Clock, journal: Journal, plan: Plan) {
    this.#clock = clock;
    this.#journal = journal;
    this.#plan = plan;
  }

  load(records: ReadonlyMap<string, string>): void {
    for (const [name, record] of records) this.#topics.set(name, JSON.parse(record));
  }

  list(): Topic[] {
    return [...this.#topics.values()];
  }

  find(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  get(name: string): Topic {
    const topic = this.#topics.get(name);
    if (!topic) throw notFound(`url group ${name}`);
    return topic;
  }

  /** Adds endpoints, or renames those whose URL is there already; makes the group where there is none. */
  async add(name: string, endpoints: readonly Endpoint[]): Promise<void> {
    if (endpoints.length === 0) throw badRequest("endpoints are required");
    for (const { url } of endpoints) checkUrl(url, "endpoint");
    const known = this.#topics.get(checkName(name, "url group name"));
    if (!known && this.#topics.size >= this.#plan.urlGroups) {
      throw overLimit(`maximum number of url groups: ${this.#plan.urlGroups}`);
    }
    const byUrl = new Map((known?.endpoints ?? []).map((endpoint) => [endpoint.url, endpoint]));
    for (const endpoint of endpoints) byUrl.set(endpoint.url, endpoint);
    if (byUrl.size > this.#plan.endpointsPerGroup) {
      throw overLimit(`maximum number of endpoints per url group: ${this.#plan.endpointsPerGroup}`);
    }
    await this.#put(name, known, [...byUrl.values()]);
  }

  /** Takes endpoints out by name or URL; a group that has none left is removed. */
  async remove(name: string, endpoints: readonly Partial<Endpoint>[]): Promise<void> {
    const topic = this.get(name);
    const isMeant = (endpoint: Endpoint) =>
      endpoints.some(
        (meant) =>
          (meant.url !== undefined || meant.name !== undefined) &&
          (meant.url === undefined || meant.url === endpoint.url) &&
          (meant.name === undefined || meant.name === endpoint.name),
      );
    const left = topic.endpoints.filter((endpoint) => !isMeant(endpoint));
    if (left.length === 0) await this.delete(name);
    else await this.#put(name, topic, left);
  }

  async delete(name: string): Promise<void> {
    this.get(name);
    this.#topics.delete(name);
    await this.#journal.write([{ hash: KEYS.topics, field: name, value: null }]);
  }

  async #put(name: string, known: Topic | undefined, endpoints: readonly Endpoint[]): Promise<void> {
    const now = this.#clock.now();
    const topic: Topic = { name, createdAt: known?.createdAt ?? now, updatedAt: now, endpoints };
    this.#topics.set(name, topic);
    const change: Change = { hash: KEYS.topics, field: name, value: JSON.stringify(topic) };
    await this.#journal.write([change]);
  }
}
