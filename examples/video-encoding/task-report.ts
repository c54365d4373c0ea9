import { setTimeout as sleep } from "node:timers/promises";

/** The bearer's side of a task token, see docs/guides/tokens.md. */
export class TaskReport {
  readonly #base: string;
  readonly #token: string;
  readonly #over: () => void;

  /** @param over called when nobody wants the work any more: canceled, expired, erased, or another attempt has begun */
  constructor(base: string, token: string, over: () => void) {
    this.#base = base;
    this.#token = token;
    this.#over = over;
  }

  /** Says how far the work is, which counts as a heartbeat. One that is lost is made up for by the next. */
  async progress(percent: number, message: string): Promise<void> {
    await this.#post("progress", { percent, message }).catch((error: unknown) => console.error(error));
  }

  async complete(result: unknown): Promise<void> {
    await this.#insist("complete", { result });
  }

  async fail(code: string, message: string, retryable: boolean): Promise<void> {
    await this.#insist("fail", { code, message, retryable });
  }

  /** Repeats what must not get lost, ever more slowly, while the gateway is away; told twice is as told once. */
  async #insist(call: string, body: unknown): Promise<void> {
    for (let pause = 500; ; pause = Math.min(pause * 2, 60_000)) {
      const status = await this.#post(call, body).catch(() => 503);
      if (status < 500 && status !== 429) return;
      await sleep(pause);
    }
  }

  async #post(call: string, body: unknown): Promise<number> {
    const response = await fetch(new URL(call, this.#base), {
      method: "POST",
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    await response.body?.cancel();
    if ([401, 404, 409, 410].includes(response.status)) this.#over();
    return response.status;
  }
}
