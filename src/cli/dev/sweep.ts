import { codeOf } from "../../local/command/failure.ts";
import { warn } from "../common/output.ts";

/** Calls the Worker as its cron trigger does when it is deployed: `wrangler dev` has no clock for it. */
export function sweepEvery(url: string, every: number, signal: AbortSignal): void {
  const sweep = async (): Promise<void> => {
    try {
      const response = await fetch(`${url}/__scheduled?cron=*+*+*+*+*`, {
        signal: AbortSignal.timeout(30_000),
      });
      await response.body?.cancel();
      if (!response.ok) warn(`sweep: it was answered ${response.status}`);
    } catch (error) {
      if (!signal.aborted) warn(`sweep: ${codeOf(error)}`);
    }
  };
  const timer = setInterval(() => void sweep(), every);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  void sweep();
}
