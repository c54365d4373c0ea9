import { createClient, ErrorReply, RESP_TYPES } from "@redis/client";
import { type Engine, type Reply, ReplyError, SimpleString } from "../engine.ts";

/** Bulk strings stay bytes; simple strings arrive as JavaScript strings, which tells the two apart. */
const TYPES = { [RESP_TYPES.BLOB_STRING]: Buffer };
const RECONNECT_MS = 200;

/** Connects to a real Redis server; waits for it, and comes back to it after a lost connection. */
export async function openRedisEngine(url: string): Promise<Engine> {
  const options = {
    url,
    RESP: 2,
    // A command that cannot be sent fails at once, as a request to a service that is away does.
    disableOfflineQueue: true,
    socket: { reconnectStrategy: RECONNECT_MS },
  } as const;
  const client = createClient(options);
  const subscriber = client.duplicate();
  client.on("error", toldToCallers);
  subscriber.on("error", toldToCallers);
  await client.connect();

  let subscribed: Promise<unknown> | undefined;

  const send = async (command: readonly (string | Buffer)[], chainId?: symbol): Promise<Reply> => {
    try {
      const sent = client.sendCommand<unknown>(
        command,
        chainId ? { typeMapping: TYPES, chainId } : { typeMapping: TYPES },
      );
      return toReply(await sent);
    } catch (error) {
      if (error instanceof ErrorReply) return new ReplyError(error.message);
      throw error;
    }
  };

  return {
    name: url,
    call: (command) => send(command),
    async transaction(commands) {
      // One chain: the client never splits it over two connections.
      const chain = Symbol("transaction");
      const queued = [["MULTI"], ...commands, ["EXEC"]].map((command) => send(command, chain));
      const outcome = (await Promise.all(queued)).at(-1);
      if (outcome instanceof ReplyError || Array.isArray(outcome)) return outcome;
      throw new Error("EXEC was answered with neither an array nor an error");
    },
    async subscribe(channel, listener) {
      subscribed ??= subscriber.connect();
      await subscribed;
      await subscriber.subscribe(channel, listener, true);
      return () => subscriber.unsubscribe(channel, listener, true);
    },
    async close() {
      client.destroy();
      if (subscriber.isOpen) subscriber.destroy();
    },
  };
}

/** A listener keeps a lost connection from ending the process: each command under way throws it. */
function toldToCallers(): void {
  // nothing is left to do
}

/** Narrows what the client decoded (RESP2, {@link TYPES}) to the engine's reply. */
function toReply(value: unknown): Reply {
  if (value === null || typeof value === "number" || Buffer.isBuffer(value)) return value;
  if (typeof value === "string") return new SimpleString(value);
  if (value instanceof Error) return new ReplyError(value.message);
  if (Array.isArray(value)) return value.map(toReply);
  throw new Error(`the Redis client gave a ${typeof value}, which RESP2 does not have`);
}
