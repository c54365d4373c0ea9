import { parseRetryAfter, type TaskContext, TaskError } from "../task.ts";

/** The parts of the handler's context that a source needs. */
type Reading = Pick<TaskContext<unknown>, "fetch" | "signal" | "progress">;

const PIECE = 64 * 1024;

/** A CSV that came with the input, in pieces, so that the signal is checked between them. */
export function* piecesOf(csv: string, { signal, progress }: Reading): Generator<string> {
  for (let at = 0; at < csv.length; at += PIECE) {
    signal.throwIfAborted();
    yield csv.slice(at, at + PIECE);
    progress({ percent: Math.round(100 * Math.min(1, (at + PIECE) / csv.length)) });
  }
}

/**
 * Downloads a CSV piece by piece; its length is known when `Content-Length` says it.
 *
 * @throws TaskError `csv-unavailable`, retryable when another attempt may find it
 * @throws TaskError `invalid-csv` when it is not in the encoding that it claims, UTF-8 unless it says otherwise
 */
export async function* download(url: string, context: Reading): AsyncGenerator<string> {
  const { signal, progress } = context;
  const response = await request(url, context);
  const decoder = decoderFor(response);
  const length = response.headers.has("content-encoding")
    ? 0
    : Number(response.headers.get("content-length"));
  let received = 0;
  for await (const chunk of chunksOf(response, signal)) {
    received += chunk.byteLength;
    if (length > 0) progress({ percent: Math.min(99, Math.floor((100 * received) / length)) });
    else progress({ message: `${received} bytes read` });
    yield decode(decoder, chunk);
  }
  yield decode(decoder);
}

async function request(url: string, { fetch, signal }: Reading): Promise<Response> {
  const headers = { accept: "text/csv, */*;q=0.5" };
  const response = await fetch(url, { headers, signal, redirect: "follow" }).catch((error: unknown) =>
    unavailable(error, signal),
  );
  if (response.ok) return response;
  await response.body?.cancel();
  const { status } = response;
  const retryAfter = parseRetryAfter(response.headers.get("retry-after"), Date.now());
  throw new TaskError("csv-unavailable", `The server of csvUrl answered ${status}.`, {
    retryable: status >= 500 || status === 408 || status === 425 || status === 429,
    ...(retryAfter !== undefined && { retryAfter }),
  });
}

async function* chunksOf(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await reader.read().catch((error: unknown) => unavailable(error, signal));
      if (done) return;
      yield value;
    }
  } finally {
    // A caller that stops early, at a broken line or by the signal, needs no more data, so the result of this is
    // ignored.
    void reader.cancel().catch(() => undefined);
  }
}

/** The signal's own reason when it aborted; else the failure of the download, which another attempt may not meet. */
function unavailable(error: unknown, signal: AbortSignal): never {
  signal.throwIfAborted();
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const message =
    typeof code === "string" && error instanceof Error ? error.message : "The connection failed.";
  const retryable = code !== "unsafe-address" && code !== "redirect";
  throw new TaskError("csv-unavailable", `csvUrl could not be read. ${message}`, { retryable, cause: error });
}

/** By the charset of `Content-Type`; a byte that is no text is an error, not a question mark in a report. */
function decoderFor(response: Response): TextDecoder {
  const type = response.headers.get("content-type") ?? "";
  const charset = /;\s*charset="?([^\s";]+)/i.exec(type)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset, { fatal: true });
  } catch (error) {
    return notText(error, "the charset that the server of csvUrl names");
  }
}

function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch (error) {
    return notText(error, decoder.encoding);
  }
}

function notText(cause: unknown, encoding: string): never {
  throw new TaskError("invalid-csv", `The CSV cannot be read as ${encoding}.`, { retryable: false, cause });
}
