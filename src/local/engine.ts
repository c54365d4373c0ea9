/** A reply of Redis as RESP2 has it: bulk strings as bytes, simple strings apart, errors as values. */
export type Reply = Buffer | number | null | SimpleString | ReplyError | Reply[];

/** A status reply such as `OK`: on the wire it is not a bulk string, and Upstash encodes it differently. */
export class SimpleString {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An error reply: its message begins with the error's code (`ERR`, `WRONGTYPE`, `NOSCRIPT`). */
export class ReplyError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** The Redis that the local stand-ins share: a real server or the embedded engine. */
export interface Engine {
  /** `embedded`, or the `redis://` address. */
  readonly name: string;
  /** Runs one command; an error reply is a value, a lost connection throws. */
  call(command: readonly (string | Buffer)[]): Promise<Reply>;
  /** Runs commands as one MULTI/EXEC; null when Redis discarded it. */
  transaction(commands: readonly (readonly (string | Buffer)[])[]): Promise<Reply[] | ReplyError>;
  /** Subscribes to a channel; the returned function ends it. */
  subscribe(channel: string, listener: (message: Buffer) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}
