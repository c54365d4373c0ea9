import { type Reply, ReplyError, SimpleString } from "../engine.ts";

export type Command = readonly (string | Buffer)[];

/** Commands as RESP2 has them on the wire, all in one piece: one write, however many there are. */
export function encodeCommands(commands: readonly Command[]): string | Buffer {
  const pieces: Buffer[] = [];
  let text = "";
  for (const command of commands) {
    text += `*${command.length}\r\n`;
    for (const word of command) {
      text += `$${Buffer.byteLength(word)}\r\n`;
      if (typeof word === "string") text += word;
      else {
        pieces.push(Buffer.from(text), word);
        text = "";
      }
      text += "\r\n";
    }
  }
  return pieces.length === 0 ? text : Buffer.concat([...pieces, Buffer.from(text)]);
}

/** Reads replies of RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/) from chunks of bytes. */
export class ReplyReader {
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes without which the next reply cannot be whole: fewer need no look. */
  #needed = 1;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** The replies that are whole with this chunk. */
  push(chunk: Buffer): Reply[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) return [];
    this.#bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#at = 0;
    const replies: Reply[] = [];
    let end = 0;
    for (let reply = this.#read(); reply !== undefined; reply = this.#read()) {
      replies.push(reply);
      end = this.#at;
    }
    const rest = this.#bytes.subarray(end);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
    this.#needed -= end;
    return replies;
  }

  /** The next reply, or undefined when it is not whole yet. */
  #read(): Reply | undefined {
    const line = this.#readLine();
    if (line === undefined) return undefined;
    const text = line.slice(1);
    switch (line[0]) {
      case "+":
        return new SimpleString(text);
      case "-":
        return new ReplyError(text);
      case ":":
        return Number(text);
      case "$":
        return this.#readBulk(Number(text));
      case "*":
        return this.#readArray(Number(text));
      default:
        throw new Error(`Redis sent ${JSON.stringify(line)}, which RESP2 does not have`);
    }
  }

  #readLine(): string | undefined {
    const end = this.#bytes.indexOf("\r\n", this.#at);
    if (end < 0) {
      this.#needed = this.#bytes.length + 1;
      return undefined;
    }
    const line = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 2;
    return line;
  }

  #readBulk(length: number): Buffer | null | undefined {
    if (length < 0) return null;
    const start = this.#at;
    const end = start + length;
    if (end + 2 > this.#bytes.length) {
      this.#needed = end + 2;
      return undefined;
    }
    this.#at = end + 2;
    return this.#bytes.subarray(start, end);
  }

  #readArray(length: number): Reply[] | null | undefined {
    if (length < 0) return null;
    const items: Reply[] = [];
    while (items.length < length) {
      const item = this.#read();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}
