import * as z from "zod/mini";
import { defineTask, TaskError } from "../../src/task.ts"; // `ringback` for you

const BATCH = 50;

const recipient = z.strictObject({
  address: z.email().check(z.maxLength(254)),
  name: z.optional(z.string().check(z.maxLength(200))),
});

const inputSchema = z.strictObject({
  subject: z.string().check(z.minLength(1), z.maxLength(200)),
  /** Plain text; `{name}` becomes the recipient's name, or the address where there is none. */
  text: z.string().check(z.minLength(1), z.maxLength(100_000)),
  recipients: z.array(recipient).check(z.minLength(1), z.maxLength(10_000)),
});

const answerSchema = z.object({
  accepted: z.number(),
  repeated: z.number(),
  refused: z.array(z.object({ address: z.string(), response: z.string() })),
});
type Answer = z.output<typeof answerSchema>;

/** Where the mailer is: set by the deployer, so it is called by the plain `fetch`, not by the guarded one. */
export interface Mailer {
  readonly url: string;
  readonly token: string;
}

/**
 * Sends one mail to many. A Worker speaks no SMTP, so the mailer does; this hands it one batch after the other. On a
 * second attempt every batch is handed over again: the mailer knows which of its messages the mail server has taken.
 */
export const sendMail = (mailer: Mailer) =>
  defineTask({
    type: "mail.send",
    input: inputSchema,
    timeout: 10 * 60_000,
    retries: 5,
    async handler({ input, idempotencyKey, signal, progress }) {
      const { subject, text } = input;
      const recipients = [...new Map(input.recipients.map((one) => [one.address, one])).values()];
      const total: Answer = { accepted: 0, repeated: 0, refused: [] };
      for (let at = 0; at < recipients.length; at += BATCH) {
        const batch = { key: idempotencyKey, subject, text, recipients: recipients.slice(at, at + BATCH) };
        // One batch at a time: progress is in order, and the mail server is not flooded.
        const done = await handOver(mailer, batch, signal);
        total.accepted += done.accepted;
        total.repeated += done.repeated;
        total.refused.push(...done.refused);
        const through = at + batch.recipients.length;
        progress({
          percent: Math.floor((100 * through) / recipients.length),
          message: `${through} of ${recipients.length}`,
        });
      }
      return total;
    },
  });

async function handOver(mailer: Mailer, batch: unknown, signal: AbortSignal) {
  const response = await fetch(new URL("/batches", mailer.url), {
    method: "POST",
    headers: { authorization: `Bearer ${mailer.token}`, "content-type": "application/json" },
    body: JSON.stringify(batch),
    signal,
  }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new TaskError("mailer-unavailable", "The mailer could not be reached.", { cause });
  });
  if (response.status === 200) return await read(response, signal);
  await response.body?.cancel();
  // 503: the mail server is away, or says «later». Anything else 4xx is our own mistake, and stays one.
  throw new TaskError("mailer-unavailable", `The mailer answered ${response.status}.`, {
    retryable: response.status >= 500,
  });
}

/** The mailer may die in the middle of its answer too. */
async function read(response: Response, signal: AbortSignal): Promise<Answer> {
  const answer = await response.json().catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new TaskError("mailer-unavailable", "The mailer's answer was cut off.", { cause });
  });
  return answerSchema.parse(answer);
}
