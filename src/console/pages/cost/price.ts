/** Commands of a task that goes well, with an idempotency key and one callback; docs/storage.md counts them. */
export const COMMANDS_PER_TASK = 30;

/** Commands of one more callback, or one more attempt of one: its lease and its record. */
export const COMMANDS_PER_CALLBACK = 9;

/** Prices of a plan, in US dollars. */
export interface Prices {
  /** Redis: per 100,000 commands. */
  readonly commands: number;
  /** QStash: per 100,000 messages. */
  readonly messages: number;
  /** Workers: per million requests. */
  readonly requests: number;
}

/** Pay-as-you-go of Upstash, and Workers Paid beyond what it includes, as of August 2026. */
export const LIST_PRICES: Prices = { commands: 0.2, messages: 1, requests: 0.3 };

export interface Usage {
  readonly tasks: number;
  /** Callbacks per task. */
  readonly callbacks: number;
  /** Attempts of a task and of a callback, on average: 1 when all goes well. */
  readonly attempts: number;
}

export interface Cost {
  readonly commands: number;
  readonly messages: number;
  readonly requests: number;
  readonly money: number;
}

/**
 * The cost of so many tasks. The first attempt at a callback needs no message; each retry does, and each attempt of a
 * task. A Worker is called for the submit and for each message.
 */
export function costOf({ tasks, callbacks, attempts }: Usage, prices: Prices): Cost {
  const retries = Math.max(0, attempts - 1);
  const further = Math.max(0, callbacks - 1) + callbacks * retries;
  const commands = tasks * (COMMANDS_PER_TASK + COMMANDS_PER_CALLBACK * (further + retries));
  const messages = tasks * (attempts + callbacks * retries);
  const requests = tasks + messages;
  const money =
    (commands * prices.commands) / 100_000 +
    (messages * prices.messages) / 100_000 +
    (requests * prices.requests) / 1_000_000;
  return { commands, messages, requests, money };
}
