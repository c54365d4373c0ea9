import type { Dependencies } from "../ports/dependencies.ts";
import { FetchFailure, ResolverUnavailable, type UrlJudge } from "../ports/fetcher.ts";
import type { PingStore } from "../ports/stores/operation-store.ts";
import { broken, type Finding, fine, NOT_USED } from "./check.ts";
import { type RunTimeParts, runTimes } from "./run-times.ts";

/** The parts that the checks of Redis, QStash and the resolver use. */
export type ServiceCheckParts = Pick<Dependencies, "clock" | "doctor"> & {
  readonly store: PingStore;
  readonly fetcher: UrlJudge;
};

/** The greatest tolerated clock difference to QStash's signatures, in milliseconds. */
const SKEW = 5_000;

/** Milliseconds after which a sweep is missed, also when sweeps are rare. */
const SWEEP_MISSED = 300_000;

type Answered = Awaited<ReturnType<Dependencies["store"]["ping"]>> & { readonly here: number };

/** Asks Redis once; `here` is our own time in the middle of it. */
export async function pingRedis({ store, clock }: ServiceCheckParts): Promise<Answered> {
  const before = clock();
  const answered = await store.ping();
  return { ...answered, here: (before + clock()) / 2 };
}

export function redisFinding({ ok }: Answered): Finding {
  return ok
    ? fine("Redis answers and runs scripts.")
    : broken("Redis answers, and does not run scripts.", "Use an Upstash Redis database.");
}

export function clockFinding({ now, here }: Answered): Finding {
  if (now === undefined) return fine("Redis did not say what time it is.");
  const off = Math.round(here - now);
  if (Math.abs(off) < SKEW) return fine(`The gateway's clock and Redis's differ by ${Math.abs(off)} ms.`);
  return broken(
    `The gateway's clock is ${Math.round(Math.abs(off) / 1_000)} s ${off > 0 ? "ahead of" : "behind"} Redis's.`,
    "Set the clock of the machine that the gateway runs on.",
  );
}

/**
 * Milliseconds between checks for a missed sweep: the first one of a process that has just started may be under
 * way.
 */
const SWEEP_LOOKS = [1_000, 2_000, 3_000] as const;

/** Whether sweeps are made; a missed one is checked again. */
export async function sweepFinding(answered: Answered, deps: ServiceCheckParts): Promise<Finding> {
  const { sweepInterval } = deps.doctor;
  let finding = findingOf(answered, sweepInterval);
  for (const pause of SWEEP_LOOKS) {
    if (finding.ok) break;
    await new Promise((resolve) => setTimeout(resolve, pause));
    finding = findingOf(await pingRedis(deps), sweepInterval);
  }
  return finding;
}

function findingOf({ now, sweptAt }: Answered, interval: number): Finding {
  const fix = "See whether the cron trigger runs (`* * * * *`), and the log for sweep-failed.";
  if (sweptAt === undefined || now === undefined) return broken("No sweep was made yet.", fix);
  const detail = `The last sweep was made at ${new Date(sweptAt).toISOString()}.`;
  return now - sweptAt > Math.max(SWEEP_MISSED, 3 * interval) ? broken(detail, fix) : fine(detail);
}

export async function tokenFinding({ doctor }: ServiceCheckParts): Promise<Finding> {
  const status = await doctor.queue.status();
  if (status === 200) return fine("QStash takes the token.");
  if (status === 401 || status === 403) {
    return broken(
      `QStash refuses QSTASH_TOKEN (${status}).`,
      "Copy QSTASH_TOKEN and QSTASH_URL from the same QStash account and region.",
    );
  }
  return broken(
    `${doctor.queueUrl} answers ${status}.`,
    "See whether QSTASH_URL is right, and QStash's status.",
  );
}

export async function slotsFinding(deps: RunTimeParts & Pick<Dependencies, "doctor">): Promise<Finding> {
  const slots = await deps.doctor.queue.slots();
  if (!slots) return NOT_USED;
  const used = `${slots.used} of the plan's ${slots.most} calls in flight are used.`;
  const detail = `${used} ${await runTimes(deps)}`;
  return slots.used < slots.most
    ? fine(detail)
    : broken(detail, "Tasks wait for one another: shorten them, or take a larger QStash plan.");
}

export async function resolverFinding({ doctor, fetcher }: ServiceCheckParts): Promise<Finding> {
  if (!doctor.resolves) return NOT_USED;
  try {
    // A name that was never asked for: a cached answer would prove nothing.
    await fetcher.resolveAndCheck(`https://${crypto.randomUUID()}.example.com/`);
  } catch (error) {
    if (error instanceof ResolverUnavailable) {
      return broken("The resolver gives no usable answer.", "See whether RINGBACK_DOH_URL is right.");
    }
    if (!(error instanceof FetchFailure)) throw error; // that there is no such name is an answer
  }
  return fine("The resolver answers.");
}
