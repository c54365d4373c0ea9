import * as z from "zod/mini";
import { defineTask, TaskError, wait } from "../../src/task.ts"; // for you: "ringback"

/** Milliseconds that the encoder may be silent; it reports each second. */
const HEARTBEAT = 60_000;

/** Where the encoder is: set by the deployer, so it is called by the plain `fetch`, not by the guarded one. */
export interface Encoder {
  readonly url: string;
  readonly token: string;
}

/**
 * Encodes a video. The encoder takes the order, answers 202, and reports by the task's token until it is done: the
 * handler ends long before, and no Worker waits.
 */
export const encodeVideo = (encoder: Encoder) =>
  defineTask({
    type: "video.encode",
    input: z.strictObject({
      url: z.string().check(z.minLength(1), z.maxLength(8_192)),
      format: z._default(z.enum(["mp4", "webm"]), "mp4"),
    }),
    urls: ({ url }) => ({ "/url": url }),
    timeout: 30_000,
    retries: 2,
    async handler({ input, task, attempt, idempotencyKey, token, completionUrl, signal }) {
      const job = {
        id: `${idempotencyKey}.${attempt}`,
        ...input,
        // The task as the encoder reaches it; `progress`, `complete` and `fail` are below.
        reports: new URL(`../tasks/${task.id}/`, completionUrl).href,
        token,
      };
      const response = await fetch(new URL("/jobs", encoder.url), {
        method: "POST",
        headers: { authorization: `Bearer ${encoder.token}`, "content-type": "application/json" },
        body: JSON.stringify(job),
        signal,
      }).catch((cause: unknown) => {
        signal.throwIfAborted();
        throw new TaskError("encoder-unavailable", "The encoder could not be reached.", { cause });
      });
      await response.body?.cancel();
      if (response.status === 202) return wait({ heartbeat: HEARTBEAT });
      throw new TaskError("encoder-unavailable", `The encoder answered ${response.status}.`, {
        retryable: response.status >= 500,
      });
    },
  });
