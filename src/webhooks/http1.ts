/** What a connection must do to carry HTTP; TCP and TLS connections of Deno do. */
export interface Connection {
  /** Bytes read into the buffer, or null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Bytes taken. */
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Bytes of a response's head, with those of the interim responses before it. */
const HEAD_LIMIT = 65_536;

const BUFFER = 16_384;

/**
 * Sends one request over a connection of its own and reads the response's head (RFC 9112). The connection is closed
 * once the body has been read, was given up, or broke off; closing it is also how the caller aborts.
 *
 * @throws TypeError when what comes back is no HTTP/1.1, else whatever the connection throws
 */
export async function exchange(connection: Connection, request: Request): Promise<Response> {
  const body = new Uint8Array(await request.arrayBuffer());
  const head = new TextEncoder().encode(headOf(request, body.byteLength));
  // What breaks the writing breaks the reading too, unless the answer came before all was read.
  void writeAll(connection, [head, body]).catch(() => undefined);
  const source = new Source(connection);
  const { status, headers } = await readHead(source);
  const framing = framingOf(request.method, status, headers);
  if (framing === "none") {
    connection.close();
    return new Response(null, { status, headers });
  }
  const stream = streamOf(connection, parts(source, framing));
  const encoding = headers.get("content-encoding")?.toLowerCase();
  const decoded =
    encoding === "gzip" || encoding === "deflate"
      ? stream.pipeThrough(new DecompressionStream(encoding))
      : stream;
  return new Response(decoded, { status, headers });
}

function headOf(request: Request, length: number): string {
  const url = new URL(request.url);
  const headers = new Headers(request.headers);
  headers.set("host", url.host);
  headers.set("connection", "close");
  headers.set("accept-encoding", "identity");
  if (!headers.has("accept")) headers.set("accept", "*/*");
  if (!headers.has("user-agent")) headers.set("user-agent", "Ringback");
  if (length > 0 || !["GET", "HEAD"].includes(request.method)) headers.set("content-length", `${length}`);
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`);
  return `${request.method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

async function writeAll(connection: Connection, pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.byteLength; ) at += await connection.write(piece.subarray(at));
  }
}

interface Head {
  readonly status: number;
  readonly headers: Headers;
}

/** The head of the final response; interim ones are passed over (RFC 9110 section 15.2). */
async function readHead(source: Source): Promise<Head> {
  const budget = { left: HEAD_LIMIT };
  for (;;) {
    const status = Number(/^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(await source.line(budget))?.[1]);
    if (Number.isNaN(status) || status === 101) throw new TypeError("The response is no HTTP/1.1.");
    const headers = new Headers();
    for (let line = await source.line(budget); line !== ""; line = await source.line(budget)) {
      const colon = line.indexOf(":");
      headers.append(line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim()); // throws for what is no header
    }
    if (status >= 200) return { status, headers };
  }
}

/** How the end of the body is told: by nothing, chunks, a length, or the end of the connection (RFC 9112 section 6.3). */
type Framing = "none" | "chunked" | "close" | number;

function framingOf(method: string, status: number, headers: Headers): Framing {
  if (method === "HEAD" || status === 204 || status === 205 || status === 304) return "none";
  const coding = headers.get("transfer-encoding");
  if (coding !== null) {
    if (coding.toLowerCase() !== "chunked")
      throw new TypeError("The response has an unknown transfer coding.");
    return "chunked";
  }
  const length = headers.get("content-length");
  if (length === null) return "close";
  const [first = "", ...others] = length.split(",").map((value) => value.trim()); // a list of one value is that value
  if (!/^\d{1,15}$/.test(first) || others.some((other) => other !== first)) {
    throw new TypeError("The response has a bad Content-Length.");
  }
  return Number(first);
}

async function* parts(source: Source, framing: Exclude<Framing, "none">): AsyncGenerator<Uint8Array> {
  if (framing === "close") {
    for (let some = await source.some(); some; some = await source.some()) yield some;
  } else if (framing === "chunked") {
    for (;;) {
      const size = /^([\da-f]{1,8})[\t ]*(?:;.*)?$/i.exec(await source.line({ left: BUFFER }))?.[1];
      if (size === undefined) throw new TypeError("The response has a bad chunk.");
      if (/^0+$/.test(size)) return; // trailers are not read: the connection ends here
      yield* source.exactly(Number.parseInt(size, 16));
      if ((await source.line({ left: 2 })) !== "") throw new TypeError("The response has a bad chunk.");
    }
  } else {
    yield* source.exactly(framing);
  }
}

function streamOf(
  connection: Connection,
  pieces: AsyncGenerator<Uint8Array>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await pieces.next();
        if (!done) return controller.enqueue(new Uint8Array(value));
        connection.close();
        controller.close();
      } catch (error) {
        connection.close();
        throw error;
      }
    },
    cancel: () => connection.close(),
  });
}

/** Reads a connection by lines and by bytes. */
class Source {
  readonly #connection: Connection;
  #rest = new Uint8Array(0);

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** What is there, at most so much; undefined at the end. */
  async some(most = BUFFER): Promise<Uint8Array | undefined> {
    if (this.#rest.byteLength === 0) {
      const buffer = new Uint8Array(BUFFER);
      const count = await this.#connection.read(buffer);
      if (count === null) return undefined;
      this.#rest = buffer.subarray(0, count);
    }
    const some = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(some.byteLength);
    return some;
  }

  async *exactly(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      const some = await this.some(left);
      if (!some) throw new TypeError("The response broke off.");
      left -= some.byteLength;
      yield some;
    }
  }

  /** A line without its end, its bytes as characters; takes its length from the budget. */
  async line(budget: { left: number }): Promise<string> {
    let line = "";
    for (;;) {
      const some = await this.some(budget.left);
      if (!some?.byteLength) throw new TypeError(some ? "A line is too long." : "The response broke off.");
      const end = some.indexOf(10);
      const taken = end < 0 ? some : some.subarray(0, end);
      line += String.fromCharCode(...taken);
      budget.left -= taken.byteLength + (end < 0 ? 0 : 1);
      if (end < 0) continue;
      this.#rest = join(some.subarray(end + 1), this.#rest);
      return line.replace(/\r$/, "");
    }
  }
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.byteLength + second.byteLength);
  whole.set(first);
  whole.set(second, first.byteLength);
  return whole;
}
