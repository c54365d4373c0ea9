import type { Task } from "../../api/types.ts";
import { shellQuote } from "../../format.ts";

/** A command that submits the same task again; the key is the reader's own. */
export function curlOf(url: string, { type, input, metadata, callback, maxAttempts }: Task): string {
  const body = {
    type,
    input: input ?? null,
    retries: maxAttempts - 1,
    ...(callback && { callbackUrl: callback.url }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
  return [
    `curl ${shellQuote(`${url}/v1/tasks`)}`,
    '-H "Authorization: Bearer $RINGBACK_API_KEY"',
    "-H 'Content-Type: application/json'",
    `-d ${shellQuote(JSON.stringify(body))}`,
  ].join(" \\\n  ");
}
