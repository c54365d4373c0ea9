import { QueueUnavailable } from "../../ports/errors.ts";

/** Milliseconds that one request may take, repeats included. */
const TIMEOUT = 10_000;

/** The pause before the first repeat, in milliseconds; each next one is e times as long. */
const FIRST_PAUSE = 50;

export interface QueueAccount {
  readonly url: string;
  readonly token: string;
}

export interface QueueRequest {
  readonly method?: "GET" | "POST" | "DELETE";
  /** Below `/v2/`. A message's destination stands in it as it is. */
  readonly path: string;
  /** By their names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
}

/** QStash has answered, and with another status than 2xx. */
class QueueRefused extends QueueUnavailable {
  readonly status: number;
  constructor(status: number) {
    super(`QStash did not take the request (${status}).`);
    this.status = status;
  }
}

/**
 * One request to QStash's REST API, with the JSON that it answers. Made with fetch: the official client writes a line
 * to the console for each failure, which would stand among the log's JSON lines.
 *
 * @throws QueueUnavailable when it is not answered with 2xx and JSON within ten seconds
 */
export type QueueClient = (request: QueueRequest) => Promise<unknown>;

/** @param repeats how often a request is repeated that was not answered at all */
export function createClient({ url, token }: QueueAccount, repeats: number): QueueClient {
  return async ({ method = "GET", path, headers, body }) => {
    const init = {
      method,
      headers: { ...headers, authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT),
      ...(body && { body }),
    };
    const response = await fetchAgain(`${url}/v2/${path}`, init, repeats);
    if (!response.ok) {
      await response.body?.cancel();
      throw new QueueRefused(response.status);
    }
    try {
      return await response.json();
    } catch (cause) {
      throw new QueueUnavailable("QStash did not answer with JSON.", { cause });
    }
  };
}

async function fetchAgain(
  url: string,
  init: RequestInit & { readonly signal: AbortSignal },
  repeats: number,
): Promise<Response> {
  for (let repeat = 0; ; repeat++) {
    try {
      return await fetch(url, init);
    } catch (cause) {
      // A fetch's own error may quote the request: its name is enough.
      const reason = cause instanceof Error ? cause.name : "error";
      if (repeat >= repeats || init.signal.aborted) {
        throw new QueueUnavailable(`QStash did not answer (${reason}).`, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE * Math.exp(repeat)));
    }
  }
}

/** The HTTP status that the queue refused a request with, where it answered. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof QueueRefused ? error.status : undefined;
}
