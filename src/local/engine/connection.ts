import { connect as connectPlain, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectSecurely } from "node:tls";
import { type Reply, ReplyError } from "../engine.ts";
import { type Command, encodeCommands, ReplyReader } from "./resp.ts";

const RECONNECT_MS = 200;

/** How long a server may take to take a connection, and to answer what it begins with. */
const CONNECT_MS = 5_000;

/** Refusals that pass: of a server that starts, is busy, or has as many clients as it may have. */
const PASSING = /^(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|ERR max number of clients)/;

interface Waiting {
  readonly replies: Reply[];
  readonly count: number;
  readonly resolve: (replies: Reply[]) => void;
  readonly reject: (error: Error) => void;
}

export interface ConnectionHooks {
  /** Takes a reply that answers no command, such as a message of a channel; false leaves it to the commands. */
  readonly onPush?: (reply: Reply) => boolean;
  /** Called when a lost connection is restored. */
  readonly onReconnected?: () => void;
}

/** A lost one is restored; the commands that were under way fail. */
export class Connection {
  readonly #url: URL;
  readonly #hooks: ConnectionHooks;
  readonly #waiting: Waiting[] = [];
  #unsent: Command[] = [];
  #socket: Socket | undefined;
  #isReady = false;
  #isClosed = false;

  constructor(url: string, hooks: ConnectionHooks = {}) {
    this.#url = new URL(url);
    this.#hooks = hooks;
  }

  /**
   * Connects, however long the server takes to start.
   *
   * @param failed gets the reason, each time that it is not
   * @throws Error when the server refuses the credentials or the database in the URL.
   */
  async open(failed: (reason: string) => void): Promise<void> {
    for (;;) {
      const fault = await this.#connect();
      if (this.#isClosed || fault === undefined) return;
      failed(fault);
      await sleep(RECONNECT_MS);
    }
  }

  /**
   * Sends commands, in one write with all others of this turn of the event loop; error replies are values.
   *
   * @throws Error at once when there is no connection, later when it is lost.
   */
  async send(commands: readonly Command[]): Promise<Reply[]> {
    if (!this.#isReady) throw new Error("Redis is not connected");
    return await this.#write(commands);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
  }

  /**
   * Undefined once the server has taken the credentials and answered, else why it has not.
   *
   * @throws Error when it refuses them.
   */
  async #connect(): Promise<string | undefined> {
    const socket = this.#createSocket();
    this.#socket = socket;
    const late = setTimeout(
      () => socket.destroy(new Error(`no answer within ${CONNECT_MS / 1_000} s`)),
      CONNECT_MS,
    );
    try {
      const fault = await this.#listen(socket);
      if (fault !== undefined) return fault;
      const replies = await this.#write([...greetingOf(this.#url), ["PING"]]);
      const refused = replies.find((reply) => reply instanceof ReplyError);
      if (refused) {
        socket.destroy();
        if (PASSING.test(refused.message)) return refused.message;
        throw new RedisRefused(`Redis refused the connection: ${refused.message}`);
      }
      this.#isReady = !this.#isClosed;
      return undefined;
    } catch (error) {
      if (error instanceof RedisRefused || !(error instanceof Error)) throw error;
      return error.message; // it was lost before it had answered
    } finally {
      clearTimeout(late);
    }
  }

  #createSocket(): Socket {
    const { protocol, hostname, port } = this.#url;
    const host = hostname.replace(/^\[|\]$/g, "");
    const address = { host, port: Number(port || 6379), noDelay: true, keepAlive: true };
    return protocol === "rediss:" ? connectSecurely({ ...address, servername: host }) : connectPlain(address);
  }

  /** Undefined once the socket is connected, else why it never was. */
  #listen(socket: Socket): Promise<string | undefined> {
    const reader = new ReplyReader();
    let cause: Error | undefined;
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const reply of reader.push(chunk)) this.#take(reply);
      } catch (error) {
        // The peer is not Redis, or the stream is out of step: nothing that comes after can be trusted.
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on("error", (error) => {
      cause = error;
    });
    return new Promise((resolve) => {
      socket.once(this.#url.protocol === "rediss:" ? "secureConnect" : "connect", () => resolve(undefined));
      socket.once("close", () => {
        resolve(reasonOf(cause));
        const lost = new Error(`the connection to Redis was lost${cause ? `: ${cause.message}` : ""}`);
        this.#unsent = [];
        for (const { reject } of this.#waiting.splice(0)) reject(lost);
        if (this.#isReady) void this.#reconnect();
        this.#isReady = false;
      });
    });
  }

  async #reconnect(): Promise<void> {
    let fault: unknown;
    do {
      await sleep(RECONNECT_MS);
      if (this.#isClosed) return;
      // A server that starts may refuse at first what it takes later.
      fault = await this.#connect().catch((error: unknown) => error);
    } while (fault !== undefined);
    this.#hooks.onReconnected?.();
  }

  #write(commands: readonly Command[]): Promise<Reply[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ replies: [], count: commands.length, resolve, reject });
      if (this.#unsent.length === 0) setImmediate(() => this.#flush());
      this.#unsent.push(...commands);
    });
  }

  #flush(): void {
    if (this.#unsent.length > 0) this.#socket?.write(encodeCommands(this.#unsent));
    this.#unsent = [];
  }

  #take(reply: Reply): void {
    if (this.#hooks.onPush?.(reply)) return;
    const first = this.#waiting[0];
    if (!first) throw new Error("Redis sent a reply that no command waits for");
    first.replies.push(reply);
    if (first.replies.length < first.count) return;
    this.#waiting.shift();
    first.resolve(first.replies);
  }
}

/** The server does not take the credentials or the database. */
class RedisRefused extends Error {
  override readonly name = "RedisRefused";
}

/** The code of a system error, which names no address; else its message. */
function reasonOf(cause: Error | undefined): string {
  if (!cause) return "it closed the connection";
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}

/** The first commands of a connection: the URL's credentials and database. */
function greetingOf({ username, password, pathname }: URL): Command[] {
  const credentials = [username, password].filter(Boolean).map(decodeURIComponent);
  const database = pathname.slice(1);
  return [
    ...(credentials.length > 0 ? [["AUTH", ...credentials]] : []),
    ...(database ? [["SELECT", database]] : []),
  ];
}
