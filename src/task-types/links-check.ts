import * as z from "zod/mini";
import { defineTask, parseDuration, type TaskContext } from "../task.ts";

const MAX_LINKS = 100;
const MAX_URL_LENGTH = 8_192;
const DEFAULT_TIMEOUT = 10_000;
const MAX_TIMEOUT = 60_000;

/** Workers allow six connections at a time; two are left for the lease and its progress. */
const SIDE_BY_SIDE = 4;

const inputSchema = z.strictObject({
  urls: z
    .array(z.string().check(z.minLength(1), z.maxLength(MAX_URL_LENGTH)))
    .check(z.minLength(1), z.maxLength(MAX_LINKS)),
  /** For one link, its redirects and a second try included; 10 s unless set, 60 s at most. */
  timeout: z.optional(z.string().check(z.refine(isTimeout, "A duration of at most 60s, such as 10s."))),
});

type Input = z.output<typeof inputSchema>;

/** A link that does not lead anywhere: the last status, or why there was none (a code such as `dns-failed`). */
const brokenSchema = z.object({
  url: z.string(),
  status: z.exactOptional(z.int()),
  error: z.exactOptional(z.string()),
});

type Broken = z.output<typeof brokenSchema>;

const count = z.int().check(z.gte(0));
const resultSchema = z.object({ checked: count, ok: count, broken: z.array(brokenSchema) });

/**
 * Asks each link whether it is there, by HEAD, or by GET where HEAD is not offered (405, 501). Redirects are followed;
 * a link is ok when what it ends at answers 2xx. Broken links are results, not failures, in the order of the input.
 */
export const linksCheck = defineTask({
  type: "links.check",
  summary: "Find out which of up to 100 links are broken.",
  input: inputSchema,
  result: resultSchema,
  timeout: 10 * 60_000,
  urls: ({ urls }) => Object.fromEntries(urls.map((url, index) => [`/urls/${index}`, url])),
  async handler(context: TaskContext<Input>) {
    const { input, signal, progress } = context;
    const timeout =
      (input.timeout === undefined ? undefined : parseDuration(input.timeout)) ?? DEFAULT_TIMEOUT;
    const broken: (Broken | undefined)[] = [];
    const waiting = input.urls.entries();
    let checked = 0;
    const worker = async (): Promise<void> => {
      for (const [index, url] of waiting) {
        broken[index] = await check(url, timeout, context);
        checked += 1;
        progress({ percent: Math.round((100 * checked) / input.urls.length) });
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
    signal.throwIfAborted();
    const found = broken.filter((link) => link !== undefined);
    return { checked, ok: checked - found.length, broken: found };
  },
});

/**
 * @returns what is broken about a link, or undefined when it is ok
 * @throws the signal's reason when the task is to end
 */
async function check(url: string, timeout: number, context: TaskContext<Input>): Promise<Broken | undefined> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(timeout)]);
  const ask = async (method: "HEAD" | "GET"): Promise<number> => {
    const response = await context.fetch(url, { method, signal, redirect: "follow" });
    void response.body?.cancel().catch(() => undefined); // the status is all that is asked for
    return response.status;
  };
  try {
    const status = await ask("HEAD");
    const answer = status === 405 || status === 501 ? await ask("GET") : status;
    return answer >= 200 && answer < 300 ? undefined : { url, status: answer };
  } catch (error) {
    context.signal.throwIfAborted();
    return { url, error: codeOf(error, signal) };
  }
}

/** The code of a failed fetch; `timeout` when the link's own time ran out. */
function codeOf(error: unknown, signal: AbortSignal): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return signal.aborted ? "timeout" : "connect-failed";
}

function isTimeout(text: string): boolean {
  const milliseconds = parseDuration(text);
  return milliseconds !== undefined && milliseconds > 0 && milliseconds <= MAX_TIMEOUT;
}
