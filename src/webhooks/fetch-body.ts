import { FetchFailure } from "../flow/ports.ts";

/**
 * Reads the beginning of a body as UTF-8 and gives the rest up.
 *
 * @param maxBytes how much is kept; a character that this would cut is left out
 * @throws FetchFailure `response-aborted` when the body breaks off, `timeout` when the request's signal was a timeout
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
  throw new FetchFailure("response-aborted", "The response broke off.", { cause: error });
}
