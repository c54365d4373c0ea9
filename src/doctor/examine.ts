import type { Dependencies } from "../ports/dependencies.ts";
import { QueueUnavailable, StoreUnavailable } from "../ports/errors.ts";
import { errorText } from "../shared/log/error-text.ts";
import { broken, CHECKS, type CheckName, type Finding } from "./check.ts";
import { deliveryFinding, publicUrlFinding } from "./delivery.ts";
import { type MasterSecretParts, masterSecretFinding } from "./master-secret.ts";
import { type ProbeParts, probeQueue } from "./probe.ts";
import type { RunTimeParts } from "./run-times.ts";
import {
  clockFinding,
  pingRedis,
  redisFinding,
  resolverFinding,
  type ServiceCheckParts,
  slotsFinding,
  sweepFinding,
  tokenFinding,
} from "./services.ts";

/** The parts that the doctor uses. */
type ExamineParts = MasterSecretParts &
  ProbeParts &
  RunTimeParts &
  ServiceCheckParts &
  Pick<Dependencies, "doctor" | "log" | "settings">;

/** Milliseconds that one check may take; all begin at once, and the whole is to be answered within 15 s. */
const TIME_LIMIT = 13_000;

export type Check = Finding & { readonly name: CheckName };

/** Makes every check at once; none fails or delays another, except where one finding is drawn from another's answer. */
export async function examine(deps: ExamineParts): Promise<readonly Check[]> {
  const { doctor, settings } = deps;
  const ping = pingRedis(deps);
  const probed = probeQueue(deps);
  const findings: Readonly<Record<CheckName, Promise<Finding>>> = {
    redis: ping.then(redisFinding),
    clock: ping.then(clockFinding),
    "queue-token": tokenFinding(deps),
    "queue-delivery": probed.then((probe) => deliveryFinding(probe, settings.publicUrl)),
    "public-url": probed.then(
      ({ outcome }) => publicUrlFinding(outcome, settings.publicUrl, doctor.queueUrl),
      () => publicUrlFinding(undefined, settings.publicUrl, doctor.queueUrl),
    ),
    sweep: ping.then((answered) => sweepFinding(answered, deps)),
    "master-secret": masterSecretFinding(deps),
    resolver: resolverFinding(deps),
    slots: slotsFinding(deps),
  };
  return Promise.all(CHECKS.map(async (name) => ({ name, ...(await isolated(deps, name, findings[name])) })));
}

/** The result of a check, or the reason why it has none. */
async function isolated(deps: ExamineParts, name: CheckName, finding: Promise<Finding>): Promise<Finding> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Finding>((resolve) => {
    const slow = broken(
      `There was no answer within ${TIME_LIMIT / 1_000} s.`,
      "Run the doctor again; see the other checks.",
    );
    timer = setTimeout(() => resolve(slow), TIME_LIMIT);
  });
  try {
    return await Promise.race([finding, late]);
  } catch (error) {
    if (error instanceof StoreUnavailable) {
      return broken(
        "Redis does not answer properly.",
        "Check whether UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN are of the same database, and Upstash's status.",
      );
    }
    if (error instanceof QueueUnavailable) {
      return broken(error.message, "Check whether QSTASH_URL is right, and QStash's status.");
    }
    deps.log("error", "check-failed", { check: name, error: errorText(error) });
    return broken("The check itself failed.", "See the log for check-failed.");
  } finally {
    clearTimeout(timer);
  }
}
