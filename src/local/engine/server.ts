import { type Engine, type Reply, ReplyError } from "../engine.ts";
import { Connection } from "./connection.ts";

type Listener = (message: Buffer) => void;

/**
 * Connects to a real Redis server; waits for it, and reconnects after a lost connection.
 *
 * @param failed gets the reason, each time that the server is not there yet
 */
export async function openRedisEngine(url: string, failed: (reason: string) => void): Promise<Engine> {
  const connection = new Connection(url);
  await connection.open(failed);
  const channels = new Channels(url);
  return {
    name: maskedUrl(url),
    async call(command) {
      const [reply = null] = await connection.send([command]);
      return reply;
    },
    async transaction(commands) {
      const outcome = (await connection.send([["MULTI"], ...commands, ["EXEC"]])).at(-1);
      if (outcome instanceof ReplyError || Array.isArray(outcome)) return outcome;
      throw new Error("EXEC was answered with neither an array nor an error");
    },
    subscribe: (channel, listener) => channels.subscribe(channel, listener),
    async close() {
      connection.close();
      channels.close();
    },
  };
}

/** Subscriptions: over a connection of their own, which takes no other commands, opened with the first. */
class Channels {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #connection: Connection;
  #opened: Promise<void> | undefined;

  constructor(url: string) {
    this.#connection = new Connection(url, {
      onPush: (reply) => this.#deliver(reply),
      onReconnected: () => {
        const channels = [...this.#listeners.keys()];
        // A connection that is lost again calls this again.
        this.#connection.send(channels.map((channel) => ["SUBSCRIBE", channel])).catch(() => undefined);
      },
    });
  }

  async subscribe(channel: string, listener: Listener): Promise<() => Promise<void>> {
    this.#opened ??= this.#connection.open(() => undefined); // the commands' connection has reported it
    await this.#opened;
    const own: Listener = (message) => listener(message);
    const all = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, all.add(own));
    const end = async () => {
      all.delete(own);
      if (all.size > 0 || this.#listeners.get(channel) !== all) return;
      this.#listeners.delete(channel);
      await this.#connection.send([["UNSUBSCRIBE", channel]]);
    };
    try {
      await this.#connection.send([["SUBSCRIBE", channel]]);
    } catch (error) {
      await end().catch(() => undefined); // the connection is gone, and with it the subscription
      throw error;
    }
    return end;
  }

  close(): void {
    this.#connection.close();
  }

  #deliver(reply: Reply): boolean {
    const [kind, channel, message] = Array.isArray(reply) ? reply.map(asBuffer) : [];
    if (kind?.toString() !== "message" || !channel || !message) return false;
    for (const listener of this.#listeners.get(channel.toString()) ?? []) listener(message);
    return true;
  }
}

const asBuffer = (reply: Reply): Buffer | undefined => (Buffer.isBuffer(reply) ? reply : undefined);

/** The address without its password; a name that stands alone is sent as one. */
export function maskedUrl(url: string): string {
  const masked = new URL(url);
  if (masked.password !== "") masked.password = "***";
  else if (masked.username !== "") masked.username = "***";
  masked.search = masked.hash = "";
  return masked.href;
}
