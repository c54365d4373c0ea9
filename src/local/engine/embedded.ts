import { type Engine, type Reply, ReplyError } from "../engine.ts";
import { Dispatcher } from "./dispatch.ts";
import type { Bytes, Result } from "./keyspace.ts";

const ABORTED = "EXECABORT Transaction discarded because of previous errors.";

/**
 * A Redis inside this process: the commands and scripts that the product and its stand-ins use, with
 * Redis's own replies and errors. In memory, for one process, gone when it ends.
 */
export function openEmbeddedEngine(): Engine {
  const listeners = new Map<Bytes, Set<(message: Buffer) => void>>();
  const dispatcher = new Dispatcher((channel, message) => {
    const found = [...(listeners.get(channel) ?? [])];
    for (const listener of found) queueMicrotask(() => listener(Buffer.from(message, "latin1")));
    return found.length;
  });

  return {
    name: "embedded",
    call: async (command) => toReply(dispatcher.run(command.map(toBytes))),
    async transaction(commands) {
      const queued = commands.map((command) => command.map(toBytes));
      if (queued.some((command) => dispatcher.check(command))) return new ReplyError(ABORTED);
      return dispatcher.runAll(queued).map(toReply);
    },
    async subscribe(channel, listener) {
      const name = toBytes(channel);
      const own = (message: Buffer) => listener(message);
      const all = listeners.get(name) ?? new Set();
      listeners.set(name, all.add(own));
      return async () => {
        all.delete(own);
        if (all.size === 0 && listeners.get(name) === all) listeners.delete(name);
      };
    },
    close: async () => dispatcher.close(),
  };
}

function toBytes(value: string | Buffer): Bytes {
  return (typeof value === "string" ? Buffer.from(value, "utf8") : value).toString("latin1");
}

function toReply(result: Result): Reply {
  if (typeof result === "string") return Buffer.from(result, "latin1");
  if (Array.isArray(result)) return result.map(toReply);
  if (result instanceof ReplyError)
    return new ReplyError(Buffer.from(result.message, "latin1").toString("utf8"));
  return result;
}
