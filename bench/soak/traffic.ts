import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import * as z from "zod";
import { bodyOf, type Ledger, type Task } from "./ledger.ts";

/** How one arrival was answered. */
export interface Answer {
  /** When it was to be sent, and milliseconds from then until it was answered: a late sender flatters nobody. */
  readonly due: number;
  readonly took: number;
  /** The status, with the problem's code where there is one; `none` when nothing came back. */
  readonly outcome: string;
  /** Whether a refusal says when to retry. */
  readonly hasRetryAfter: boolean;
}

/** Connections to the gateway: what exceeds them waits at the sender, and its time counts. */
const CONNECTIONS = 256;

/** How often the clock is looked at for arrivals that are due. */
const TICK = 5;

/** How long a client waits for an answer. */
const INLINE_WAIT = 15_000;

const accepted = z.object({ id: z.string() });
const refused = z.object({ code: z.string() });

/** A load whose arrivals follow the clock, however slow the answers are; callbacks go to the ledger's receiver. */
export class Traffic {
  readonly #pool: Pool;
  readonly #authorization: string;
  readonly #ledger: Ledger;

  constructor(gateway: { readonly url: string; readonly apiKey: string }, ledger: Ledger) {
    this.#pool = new Pool(gateway.url, {
      connections: CONNECTIONS,
      pipelining: 1,
      headersTimeout: INLINE_WAIT,
      bodyTimeout: INLINE_WAIT,
    });
    this.#authorization = `Bearer ${gateway.apiKey}`;
    this.#ledger = ledger;
    ledger.onSettled = (task) => void this.#erase(task);
  }

  /**
   * Sends `rate` tasks per second for so many seconds, and waits for the answers.
   *
   * @param onAnswer is called for each, as it comes
   */
  async run(rate: number, seconds: number, onAnswer: (answer: Answer) => void): Promise<void> {
    const begin = performance.now();
    const total = Math.round(rate * seconds);
    const underWay = new Set<Promise<void>>();
    for (let sent = 0; sent < total; ) {
      const due = Math.min(total, Math.floor(((performance.now() - begin) * rate) / 1_000) + 1);
      for (; sent < due; sent++) {
        const submission = this.#submit(begin + (sent * 1_000) / rate).then(onAnswer);
        underWay.add(submission);
        void submission.finally(() => underWay.delete(submission));
      }
      await sleep(TICK);
    }
    await sleep(Math.max(0, begin + seconds * 1_000 - performance.now()));
    await Promise.all(underWay);
  }

  async close(): Promise<void> {
    this.#ledger.onSettled = undefined;
    await this.#pool.destroy();
  }

  async #submit(due: number): Promise<Answer> {
    const task = this.#ledger.open(due);
    try {
      const { statusCode, headers, body } = await this.#pool.request({
        method: "POST",
        path: "/v1/tasks",
        headers: {
          authorization: this.#authorization,
          "content-type": "application/json",
          "idempotency-key": randomUUID(),
        },
        body: bodyOf(task, this.#ledger.origin),
      });
      const text = await body.text();
      const took = performance.now() - due;
      if (statusCode === 202) {
        this.#ledger.accepted(task, accepted.parse(JSON.parse(text)).id);
        return { due, took, outcome: "202", hasRetryAfter: false };
      }
      this.#ledger.refused(task, statusCode >= 500);
      const { code } = refused.parse(JSON.parse(text));
      return { due, took, outcome: `${statusCode} ${code}`, hasRetryAfter: "retry-after" in headers };
    } catch (error) {
      this.#ledger.refused(task, true);
      const name = error instanceof Error && "code" in error ? String(error.code) : String(error);
      return { due, took: performance.now() - due, outcome: `none ${name}`, hasRetryAfter: false };
    }
  }

  /** The last step of a client that has its result: the task and all that was made for it are deleted. */
  async #erase(task: Task): Promise<void> {
    try {
      const { statusCode, body } = await this.#pool.request({
        method: "DELETE",
        path: `/v1/tasks/${task.id}`,
        headers: { authorization: this.#authorization },
      });
      await body.dump();
      if (statusCode === 204 || statusCode === 404) this.#ledger.erased(task);
      else this.#ledger.notErased(task);
    } catch {
      this.#ledger.notErased(task); // counted, and tried again unless the run has ended
    }
  }
}
