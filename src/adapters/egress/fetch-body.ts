import { FetchFailure } from "../../ports/fetcher.ts";

/** The beginning of a body as UTF-8, and whether that is not all of it. */
export interface Beginning {
  readonly text: string;
  readonly truncated: boolean;
}

const NOTHING: Beginning = { text: "", truncated: false };

/**
 * Reads the beginning of a body that is needed, and drops the rest.
 *
 * @param maxBytes how much is kept; a character that this would cut is left out
 * @throws FetchFailure `response-aborted` when the body breaks off, `timeout` when the request's signal was a timeout
 */
export function readCapped(response: Response, maxBytes: number): Promise<Beginning> {
  return read(response, maxBytes, (reader) => reader.read().catch(explain));
}

/**
 * Reads the beginning of a body that decides nothing: the received part is kept when it breaks off, cannot be decoded
 * or takes too long.
 *
 * @param maxBytes how much is kept; a character that this would cut is left out
 * @param patience milliseconds until the rest is dropped
 */
export async function readPatiently(
  response: Response,
  maxBytes: number,
  patience: number,
): Promise<Beginning> {
  if (!response.body) return NOTHING;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const enough = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, patience, undefined);
  });
  try {
    return await read(response, maxBytes, (reader) =>
      Promise.race([reader.read(), enough]).catch(() => undefined),
    );
  } finally {
    clearTimeout(timer);
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

/** @param next the next piece; undefined when the rest is dropped */
async function read(
  response: Response,
  maxBytes: number,
  next: (reader: Reader) => Promise<Awaited<ReturnType<Reader["read"]>> | undefined>,
): Promise<Beginning> {
  if (!response.body) return NOTHING;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let left = maxBytes;
  for (let piece = await next(reader); piece; piece = await next(reader)) {
    if (piece.done) return { text: text + decoder.decode(), truncated: false };
    text += decoder.decode(piece.value.subarray(0, left), { stream: true });
    if (piece.value.byteLength > left) break;
    left -= piece.value.byteLength;
  }
  void reader.cancel().catch(() => undefined); // the needed part is there; how the rest ends changes nothing
  return { text, truncated: true };
}

function explain(error: unknown): never {
  if (error instanceof Error && error.name === "TimeoutError") {
    throw new FetchFailure("timeout", "The response took too long.", { cause: error });
  }
  throw new FetchFailure("response-aborted", "The response broke off.", { cause: error });
}
