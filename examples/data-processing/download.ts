import { type TaskContext, TaskError } from "../../src/task.ts"; // for you: "ringback"

/** Bytes that are read at a time. */
const PART = 32 * 1024;

/** How much of a download has come, in bytes; `total` is undefined when the server does not tell it. */
export interface Received {
  bytes: number;
  total: number | undefined;
}

/**
 * Downloads a text (UTF-8) part by part: the next one is asked for when this one is done with, so that a fast server
 * waits for a slow reader.
 *
 * @param received is kept up to date
 * @throws TaskError `source-unavailable`, retryable when another attempt may find it; `invalid-csv` for bytes that are no UTF-8
 */
export async function* download(
  url: string,
  { fetch, signal }: Pick<TaskContext<unknown>, "fetch" | "signal">,
  received: Received,
): AsyncGenerator<string> {
  // The address is the client's, so this is the handler's own fetch: it judges the address and every redirect.
  const response = await fetch(url, { headers: { accept: "text/csv" } }).catch((error: unknown) =>
    unavailable(error, signal),
  );
  if (!response.ok) {
    await response.body?.cancel();
    const { status } = response;
    const retryable = status >= 500 || status === 408 || status === 429;
    throw new TaskError("source-unavailable", `The server of the file answered ${status}.`, { retryable });
  }
  const isCoded = response.headers.has("content-encoding");
  const length = response.headers.get("content-length");
  received.total = length === null || isCoded ? undefined : Number(length);

  // One buffer is filled again and again: a new one for each part would fill the memory before the collector comes.
  const reader = response.body?.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(PART);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    while (reader) {
      signal.throwIfAborted();
      const { done, value } = await reader
        .read(new Uint8Array(buffer))
        .catch((error: unknown) => unavailable(error, signal));
      if (done) break;
      received.bytes += value.byteLength;
      buffer = value.buffer;
      yield decode(decoder, value);
    }
    yield decode(decoder);
  } finally {
    // A reader that stops early (a broken record, a cancel) needs no more of it: an error of the rest changes nothing.
    void reader?.cancel().catch(() => undefined);
  }
}

/** The signal's own reason when it aborted; else what kept the file away. */
function unavailable(cause: unknown, signal: AbortSignal): never {
  signal.throwIfAborted();
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  throw new TaskError("source-unavailable", "The file could not be read to its end.", {
    retryable: code !== "unsafe-address" && code !== "redirect",
    cause,
  });
}

function decode(decoder: TextDecoder, bytes?: Uint8Array): string {
  try {
    return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
  } catch (error) {
    return notText(error);
  }
}

function notText(cause: unknown): never {
  throw new TaskError("invalid-csv", "The file is not UTF-8.", { retryable: false, cause });
}
