import { FetchFailure } from "../flow/ports.ts";

/** A response's body broke off while it was read; what the runtime threw is its cause. */
export class ResponseAborted extends Error {
  override readonly name = "ResponseAborted";
  readonly code = "response-aborted";
}

/**
 * Reads the beginning of a body as UTF-8 and gives the rest up.
 *
 * @param maxBytes how much is kept; a character that this would cut is left out
 * @throws ResponseAborted when the body breaks off
 * @throws FetchFailure `timeout` when the request's signal was a timeout and it passed
 */
export async function readCapped(
  response: Response,
  maxBytes: number,
): Promise<{ text: string; truncated: boolean }> {
  if (!response.body) return { text: "", truncated: false };
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let left = maxBytes;
  for (;;) {
    const { done, value } = await reader.read().catch(explain);
    if (done) return { text: text + decoder.decode(), truncated: false };
    text += decoder.decode(value.subarray(0, left), { stream: true });
    if (value.byteLength > left) {
      void reader.cancel().catch(() => undefined); // what is wanted is there; how the rest ends changes nothing
      return { text, truncated: true };
    }
    left -= value.byteLength;
  }
}

function explain(error: unknown): never {
  if (error instanceof Error && error.name === "TimeoutError") {
    throw new FetchFailure("timeout", "The response took too long.", { cause: error });
  }
  throw new ResponseAborted("The response broke off.", { cause: error });
}
