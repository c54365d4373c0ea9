import { CallbackError } from "./error.ts";

/** The parts of a request for a server that has no `Request`: headers, and the body as it came. */
export interface RawCallback {
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /**
   * The bytes (`Uint8Array`), or the text, that came: never parsed and written again. Everything else is refused
   * with `body-used`.
   */
  readonly body: unknown;
}

/** A signed message. */
export interface Message {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly signatures: readonly Signature[];
  readonly body: Uint8Array<ArrayBuffer>;
  /** The signed text: `{id}.{timestamp}.{body}`. */
  readonly content: Uint8Array<ArrayBuffer>;
}

export interface Signature {
  /** `v1`: HMAC-SHA256; `v1a`: Ed25519. */
  readonly version: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Signatures that are looked at: one for each secret and key, of which few are valid at a time. */
const MOST_SIGNATURES = 32;

/**
 * Reads a request once.
 *
 * @throws CallbackError `missing-headers`, `malformed-headers`, `body-used`, `too-large`
 */
export async function readMessage(request: Request | RawCallback, maxBody: number): Promise<Message> {
  const headers = headersOf(request);
  const [id, sentAt, signature] = ["id", "timestamp", "signature"].map((name) =>
    headers.get(`webhook-${name}`),
  );
  if (!id || !sentAt || !signature) {
    throw new CallbackError(
      "missing-headers",
      "The request lacks webhook-id, webhook-timestamp or webhook-signature.",
    );
  }
  if (!/^\d{1,12}$/.test(sentAt)) {
    throw new CallbackError("malformed-headers", "webhook-timestamp must be seconds since the epoch.");
  }
  const body = await bodyOf(request, maxBody);
  const prefix = new TextEncoder().encode(`${id}.${sentAt}.`);
  return {
    id,
    timestamp: Number(sentAt),
    signatures: signature.split(" ").slice(0, MOST_SIGNATURES).flatMap(parseSignature),
    body,
    content: concat([prefix, body]),
  };
}

function headersOf({ headers }: Request | RawCallback): { get(name: string): string | null } {
  if (headers instanceof Headers) return headers;
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const found = new Map(entries);
  return {
    get: (name) => {
      const value = found.get(name);
      return (typeof value === "string" ? value : value?.[0]) ?? null;
    },
  };
}

async function bodyOf(request: Request | RawCallback, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const { body } = request;
  if (body === null) return new Uint8Array(0);
  const bytes = body instanceof ReadableStream ? await readAll(request, body, most) : bytesOf(body);
  if (bytes.byteLength > most) throw tooLarge(most);
  return bytes;
}

/** JavaScript can give anything, above all what a server's JSON parser made of the body. */
function bytesOf(body: unknown): Uint8Array<ArrayBuffer> {
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return new Uint8Array(body);
  const message = "The body is neither bytes nor text: give it as it came, before a parser has read it.";
  throw new CallbackError("body-used", message);
}

async function readAll(
  request: Request | RawCallback,
  stream: ReadableStream<Uint8Array>,
  most: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (("bodyUsed" in request && request.bodyUsed) || stream.locked) {
    const message =
      "Something has read the request's body before: verify first, and use the event that comes back.";
    throw new CallbackError("body-used", message);
  }
  const pieces: Uint8Array[] = [];
  const reader = stream.getReader();
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return concat(pieces);
    size += value.byteLength;
    if (size > most) {
      await reader.cancel();
      throw tooLarge(most);
    }
    pieces.push(value);
  }
}

function tooLarge(most: number): CallbackError {
  return new CallbackError("too-large", `The body has more than ${most} bytes.`);
}

/** `v1,<base64>`; other parts are left out, as the Standard Webhooks libraries do. */
function parseSignature(text: string): Signature[] {
  const [version = "", encoded] = text.split(",", 2);
  const bytes = encoded ? decodeBase64(encoded) : undefined;
  return bytes ? [{ version, bytes }] : [];
}

/** Standard base64, its padding optional; undefined when it is not base64. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined; // a length that base64 cannot have
  }
}

function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
