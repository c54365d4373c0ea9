import type { SignatureRefusal } from "../ports/queue.ts";
import { broken, type Finding, fine } from "./check.ts";
import type { Probed, ProbeOutcome } from "./probe.ts";

/** Whether messages of the queue reach us and are accepted. */
export function deliveryFinding({ outcome, at }: Probed, publicUrl: string): Finding {
  const finding = findingOf(outcome, publicUrl);
  return { ...finding, detail: `${finding.detail} Probe of ${new Date(at).toISOString()}.` };
}

function findingOf(outcome: ProbeOutcome, publicUrl: string): Finding {
  switch (outcome.kind) {
    case "arrived":
      return fine("A message through QStash has arrived, and its signature is good.");
    case "refused":
      return refusalFinding(outcome.refusal, publicUrl);
    case "answered":
      return broken(
        `Another server answered at ${publicUrl}: QStash got the status ${outcome.status}.`,
        "Set RINGBACK_PUBLIC_URL to the address at which QStash reaches this deployment.",
      );
    case "unreachable":
      return broken(
        `QStash cannot call ${publicUrl}: ${outcome.error}`,
        "Set RINGBACK_PUBLIC_URL to the address at which QStash reaches this deployment.",
      );
    case "unsent":
      return broken(outcome.error, "See queue-token. Then run the doctor again after a minute.");
    case "waiting":
      return broken(
        "QStash has accepted the message and has not delivered it within 9 s.",
        "Run the doctor again. If the problem stays, see slots, and the logs in QStash's console.",
      );
  }
}

function refusalFinding(refusal: SignatureRefusal, publicUrl: string): Finding {
  switch (refusal.reason) {
    case "wrong-key":
      return broken(
        "The signature fits neither QSTASH_CURRENT_SIGNING_KEY nor QSTASH_NEXT_SIGNING_KEY.",
        "Copy both signing keys from the same QStash account and region as QSTASH_TOKEN.",
      );
    case "wrong-subject":
      return broken(
        `The signature's subject is ${refusal.given}, and ${refusal.expected} was expected.`,
        "Give every instance the same RINGBACK_PUBLIC_URL: the address that QStash calls.",
      );
    case "expired":
    case "not-yet-valid":
      return broken(
        `By the gateway's clock the signature is ${refusal.seconds} s ${refusal.reason === "expired" ? "too old" : "too early"}.`,
        "Set the clock of the machine that the gateway runs on.",
      );
    case "no-signature":
    case "malformed-signature":
    case "wrong-issuer":
    case "wrong-body":
      return broken(
        `The signature of QStash's call was refused (${refusal.reason}).`,
        `See whether a proxy before ${publicUrl} changes headers or bodies.`,
      );
  }
}

/** Whether QStash can reach the public URL, according to the probe. */
export function publicUrlFinding(
  outcome: ProbeOutcome | undefined,
  publicUrl: string,
  queueUrl: string,
): Finding {
  const fix = "Set RINGBACK_PUBLIC_URL to the address at which QStash reaches this deployment.";
  if (isLocal(publicUrl) && !isLocal(queueUrl)) {
    return broken(`${publicUrl} is an address of this machine, which QStash cannot call.`, fix);
  }
  switch (outcome?.kind) {
    case "arrived":
      return fine(`QStash reaches ${publicUrl}.`);
    case "refused":
      return outcome.refusal.reason === "wrong-subject"
        ? broken(`QStash called ${outcome.refusal.given}, and ${outcome.refusal.expected} was expected.`, fix)
        : fine(`QStash reaches ${publicUrl}.`);
    case "answered":
      return broken(`${publicUrl} answered ${outcome.status}, and it is not this deployment.`, fix);
    case "unreachable":
      return broken(`QStash cannot call ${publicUrl}.`, fix);
    case "unsent":
    case "waiting":
    case undefined:
      return fine(`${publicUrl} could not be tried: see queue-delivery.`);
  }
}

function isLocal(url: string): boolean {
  return /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}
