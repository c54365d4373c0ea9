import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import type { ClientAnswer, Seen, Story } from "./history.ts";

const seen = z.object({
  id: z.string(),
  status: z.string(),
  run: z.int(),
  sequence: z.int(),
  done: z.boolean(),
});
const problem = z.looseObject({ code: z.string() });

/** How long a client waits for an answer, in milliseconds: longer than it lets the gateway wait. */
const INLINE_WAIT = 12_000;
/** How often a request is repeated whose result a client must know. */
const PERSEVERANCE = 40;

export interface Asked {
  readonly act: ClientAnswer["act"];
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer, or that none came. */
export interface Exchange {
  readonly told: ClientAnswer;
  /** The parsed body; undefined without one. */
  readonly body: unknown;
}

/** Sends requests on the clients' link, and records the answers. */
export class StormClient {
  readonly project: string;
  readonly #url: string;
  readonly #key: string;
  /** Requests sent by all clients. */
  static requests = 0;

  constructor(url: string, project: string, key: string) {
    this.#url = url;
    this.project = project;
    this.#key = key;
  }

  /** One request, with any result. */
  async ask({ act, method, path, body, headers }: Asked): Promise<Exchange> {
    const from = Date.now();
    StormClient.requests += 1;
    try {
      const response = await fetch(this.#url + path, {
        method,
        headers: { authorization: `Bearer ${this.#key}`, "content-type": "application/json", ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(INLINE_WAIT),
      });
      const text = await response.text();
      return heard(from, act, response.status, text);
    } catch {
      return { told: { from, at: Date.now(), act, status: 0 }, body: undefined }; // no answer is an answer, too
    }
  }

  /** One request about a story's task. */
  async tell(story: Story, asked: Asked): Promise<Exchange> {
    const answer = await this.ask(asked);
    story.told.push(answer.told);
    return answer;
  }

  /** Repeats a request until the gateway has answered it. */
  async insist(story: Story, asked: Asked, again: ClientAnswer["act"] = asked.act): Promise<Exchange> {
    let answer = await this.tell(story, asked);
    for (let round = 1; round < PERSEVERANCE && isUnclear(answer.told.status); round += 1) {
      await sleep(Math.min(2_000, 100 * round));
      answer = await this.tell(story, { ...asked, act: again });
    }
    return answer;
  }
}

function isUnclear(status: number): boolean {
  return status === 0 || status === 429 || status >= 500;
}

function heard(from: number, act: ClientAnswer["act"], status: number, text: string): Exchange {
  const body: unknown = text.startsWith("{") ? JSON.parse(text) : undefined;
  const task = seen.safeParse(body);
  const refused = problem.safeParse(body);
  return {
    told: {
      ...{ from, at: Date.now(), act, status },
      ...(refused.success && { code: refused.data.code }),
      ...(task.success && { task: task.data satisfies Seen }),
    },
    body,
  };
}
