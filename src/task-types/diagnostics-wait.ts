import * as z from "zod/mini";
import { defineTask, type TaskContext, TaskError, wait } from "../task.ts";

/** Milliseconds. */
const time = z.int().check(z.gte(0), z.lte(600_000));

const input = z.strictObject({
  /** The address that `{token, completionUrl, attempt}` is posted to: its receiver finishes the task. */
  notifyUrl: z.optional(z.string()),
  /** The bearer may be silent so long, in milliseconds. */
  heartbeat: z.optional(time),
  /** How long the handler goes on once it has handed the work on, saying how far it is every so often. */
  holdMs: z.optional(time),
  everyMs: z.optional(time.check(z.gte(10))),
  /** Posted to at each of these steps. */
  tickUrl: z.optional(z.string()),
});

type Input = z.output<typeof input>;

/** Hands its work on and waits for the bearer of its token: for seeing how work is finished from elsewhere. */
export const waiting = defineTask({
  type: "diagnostics.wait",
  summary: "Hand the work on, and wait for the bearer of the task token.",
  input,
  result: z.json(),
  timeout: 10 * 60_000,
  urls: ({ notifyUrl, tickUrl }) => ({
    ...(notifyUrl !== undefined && { "/notifyUrl": notifyUrl }),
    ...(tickUrl !== undefined && { "/tickUrl": tickUrl }),
  }),
  async handler(context) {
    const { notifyUrl, heartbeat } = context.input;
    if (notifyUrl !== undefined) await notify(context, notifyUrl);
    await hold(context);
    return wait(heartbeat === undefined ? {} : { heartbeat });
  },
});

async function notify(
  { fetch, token, completionUrl, attempt }: TaskContext<Input>,
  url: string,
): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token, completionUrl, attempt }),
  });
  await response.body?.cancel();
  if (!response.ok) throw new TaskError("notify-failed", `The notified address answered ${response.status}.`);
}

/** Works until it may stop, or has to. @throws the signal's reason as soon as it aborts */
async function hold({ input, signal, progress, fetch }: TaskContext<Input>): Promise<void> {
  const { holdMs = 0, everyMs = holdMs, tickUrl } = input;
  const end = Date.now() + holdMs;
  for (let step = 1; Date.now() < end; step++) {
    if (everyMs < holdMs) progress({ percent: Math.min(100, step), message: `Step ${step}` });
    if (tickUrl !== undefined) await (await fetch(tickUrl, { method: "POST" })).body?.cancel();
    await pause(Math.min(everyMs, end - Date.now()), signal);
    signal.throwIfAborted();
  }
}

/** Ends early when the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, signal.aborted ? 0 : milliseconds);
    signal.addEventListener("abort", done, { once: true });
  });
}
