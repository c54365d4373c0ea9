import * as z from "zod/mini";
import { type AnyTask, defineTask, TaskError } from "../../src/task.ts"; // for you: "ringback"

/** Where the bank is, and what it wants to see of its callers. */
export interface BankAccess {
  readonly url: string;
  readonly token: string;
}

/** The answer of the bank; any other text is not accepted as one. */
const answerSchema = z.discriminatedUnion("status", [
  z.object({ id: z.string(), status: z.literal("pending") }),
  z.object({ id: z.string(), status: z.literal("settled"), amount: z.int(), currency: z.string() }),
  z.object({ id: z.string(), status: z.literal("declined"), reason: z.string() }),
]);

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

/** Between two questions, when the bank does not say how long to wait. */
const ASK_AGAIN = 60 * SECOND;

/** A wait of this length in all is sat through by the handler; for a longer one the attempt ends. */
const INLINE_WAIT = 10 * SECOND;

/**
 * The backoff between attempts ends at an hour. From this attempt on, more than a day after the first, twice a day is
 * enough: so the attempts outlast the longest deadline that a client can ask for, 30 days.
 */
const LATE = 40;
const LATE_WAIT = 12 * HOUR;

/**
 * Finds out what became of a payment. The task succeeds with the bank's verdict, whichever it is: `settled`, `declined`,
 * or `mismatched` when what was settled is not what was to be paid. It fails when there is no verdict to be had.
 */
export function verifyPayment(bank: BankAccess): AnyTask {
  return defineTask({
    type: "payment.verify",
    input: z.strictObject({
      paymentId: z.string().check(z.regex(/^[\w-]{1,64}$/)),
      /** In the currency's smallest unit: 4900 is 49.00 EUR. */
      amount: z.int().check(z.gte(1)),
      currency: z.string().check(z.regex(/^[A-Z]{3}$/)),
    }),
    timeout: 30 * SECOND,
    retries: 100,
    async handler({ input, signal, attempt, progress }) {
      const { paymentId } = input;
      const patient = Date.now() + INLINE_WAIT;
      const atLeast = attempt < LATE ? 0 : LATE_WAIT;
      for (;;) {
        const { answer, wait = ASK_AGAIN } = await ask(bank, paymentId, atLeast, signal);
        switch (answer.status) {
          case "declined":
            return { paymentId, verdict: "declined", reason: answer.reason };
          case "settled": {
            const { amount, currency } = answer;
            const verdict = amount === input.amount && currency === input.currency ? "settled" : "mismatched";
            return { paymentId, verdict, amount, currency };
          }
          case "pending":
            progress({ message: "The bank does not know yet." });
        }
        if (Date.now() + wait > patient)
          throw new TaskError("payment-pending", "The bank does not know yet.", {
            retryAfter: Math.max(wait, atLeast),
          });
        await pause(wait, signal);
      }
    },
  });
}

/**
 * Asks once.
 *
 * @param atLeast milliseconds that a failed attempt must leave to the next
 * @returns `wait`: the milliseconds that the bank asks for
 * @throws TaskError `payment-unknown` or `bank-refused`, final; `bank-unavailable`, which another attempt may not meet
 */
async function ask(bank: BankAccess, paymentId: string, atLeast: number, signal: AbortSignal) {
  const unavailable = (message: string, options: { cause?: unknown; wait?: number | undefined }) =>
    new TaskError("bank-unavailable", message, {
      retryAfter: Math.max(options.wait ?? 0, atLeast),
      cause: options.cause,
    });
  // The bank's address is ours: a plain fetch. An address out of the input goes through the handler's own, guarded one.
  const response = await fetch(`${bank.url}/payments/${paymentId}`, {
    headers: { authorization: `Bearer ${bank.token}` },
    signal,
  }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw unavailable("The bank could not be reached.", { cause });
  });
  const { status, ok } = response;
  const wait = waitOf(response);
  const text = await response.text().catch((cause: unknown) => {
    signal.throwIfAborted();
    throw unavailable("The bank's answer was cut off.", { cause });
  });
  if (status === 404)
    throw new TaskError("payment-unknown", "The bank has no such payment.", { retryable: false });
  if (status >= 500 || status === 429) throw unavailable(`The bank answered ${status}.`, { wait });
  if (!ok) throw new TaskError("bank-refused", `The bank answered ${status}.`, { retryable: false });
  const answer = readAnswer(text);
  if (answer?.id === paymentId) return { answer, wait };
  throw unavailable("The bank's answer cannot be read.", { wait });
}

/** Milliseconds of `Retry-After`; this bank counts in seconds. */
function waitOf({ headers }: Response): number | undefined {
  const seconds = headers.get("retry-after") ?? "";
  return /^\d{1,6}$/.test(seconds) ? Math.max(1, Number(seconds)) * SECOND : undefined;
}

function readAnswer(text: string): z.output<typeof answerSchema> | undefined {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    return undefined; // a page of its maintenance, or what this does not know yet: no verdict
  }
}

/** Waits, but not for a task that is canceled or out of time. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, stop) => {
    const canceled = () => {
      clearTimeout(timer);
      stop(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", canceled);
      done();
    }, ms);
    signal.addEventListener("abort", canceled, { once: true });
  });
}
