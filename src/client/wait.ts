import { parseRetryAfter } from "../shared/time/retry-after.ts";
import type { Answer, CallOptions, Connection } from "./connection.ts";
import { RingbackError } from "./error.ts";
import { type TaskEvent, taskEvents } from "./events.ts";
import { pause, within } from "./pause.ts";
import type { Task } from "./typed.ts";

export interface WaitOptions extends CallOptions {
  /** Milliseconds after which the call fails with the code `timeout`; the task goes on. Without limit unless given. */
  readonly timeout?: number;
  /** Is told every change and the progress. */
  readonly onEvent?: (event: TaskEvent) => void;
  /**
   * How the end is noticed: by the stream of events, by requests that the gateway holds for up to 25 s, or by reads at
   * the times that `Retry-After` names. Chosen by the client unless given.
   */
  readonly via?: "events" | "wait" | "poll";
}

/** The longest that the gateway holds an answer, seconds. */
const LONGEST_WAIT = 25;

/**
 * Waits until a task has ended. Held requests notice a near end soonest; a stream costs less while the end is far and
 * tells the progress; what starts later is left alone until `Retry-After`.
 *
 * @param path of the task
 * @throws RingbackError; the signal's reason
 */
export function waitForEnd<Result>(
  connection: Connection,
  path: string,
  { timeout, signal, onEvent, via }: WaitOptions,
): Promise<Task<Result>> {
  const late = () =>
    new RingbackError({ code: "timeout", detail: `The task did not end within ${timeout} ms.` });
  return within(timeout, signal, late, async (ends) => {
    const options = { signal: ends };
    let streams = via === undefined || via === "events";
    let isFar = onEvent !== undefined || via === "events";
    for (;;) {
      if (streams && isFar) streams = await follow(connection, path, onEvent, options, via === "events");
      const began = Date.now();
      const wait = via === "poll" ? 0 : LONGEST_WAIT;
      const answer = await connection.send<Task<Result>>("GET", path, { ...options, wait });
      const { done, status } = answer.body;
      if (done) return answer.body;
      const left = retryAfter(answer) - (Date.now() - began);
      isFar = status !== "scheduled" && (onEvent !== undefined || left > LONGEST_WAIT * 1_000);
      if (!(streams && isFar)) await pause(Math.max(0, left), ends);
    }
  });
}

/** When to look again, milliseconds. */
function retryAfter({ headers }: Answer<unknown>): number {
  return parseRetryAfter(headers.get("retry-after"), Date.now()) ?? 1_000;
}

/** Follows a task to its end; false when no stream comes through to here, and the caller leaves the choice. */
async function follow(
  connection: Connection,
  path: string,
  onEvent: WaitOptions["onEvent"],
  options: CallOptions,
  isWanted: boolean,
): Promise<boolean> {
  try {
    for await (const event of taskEvents(connection, `${path}/events`, options)) onEvent?.(event);
    return true;
  } catch (error) {
    if (isWanted || !(error instanceof RingbackError) || error.code !== "unexpected-answer") throw error;
    return false;
  }
}
