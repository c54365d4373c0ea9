import type { Dependencies } from "../ports/dependencies.ts";
import { QueueUnavailable } from "../ports/errors.ts";
import type { Probes } from "../ports/keyring.ts";
import type { SignatureRefusal, SignatureVerdict } from "../ports/queue.ts";
import type { ProbeStore } from "../ports/stores/operation-store.ts";
import type { ProbeState } from "./ports.ts";

/** The parts that a probe of the queue uses. */
export type ProbeParts = Pick<Dependencies, "clock" | "doctor"> & {
  readonly store: ProbeStore;
  readonly keyring: Probes;
};

/** Milliseconds between two probes of a deployment, and how long one is waited for. */
const EVERY = 60_000;
const INLINE_WAIT = 9_000;

/** Milliseconds between reads: the first ones soon, all together well below a Worker's 50 requests. */
const PAUSES = [100, 200, 400, 800, 1_000] as const;

/** The result of a probe. */
export type ProbeOutcome =
  | { readonly kind: "arrived" }
  | { readonly kind: "refused"; readonly refusal: SignatureRefusal }
  /** Another server answers at our address, or an isolate that cannot verify the nonce. */
  | { readonly kind: "answered"; readonly status: number }
  | { readonly kind: "unreachable"; readonly error: string }
  | { readonly kind: "unsent"; readonly error: string }
  | { readonly kind: "waiting" };

/** The result of the last probe, and when it was sent (Redis's time). */
export interface Probed {
  readonly outcome: ProbeOutcome;
  readonly at: number;
}

/** Sends a probe through the queue to ourselves, unless the last one is recent: then returns the result of that one. */
export async function probeQueue(deps: ProbeParts): Promise<Probed> {
  const { store, keyring, doctor } = deps;
  const state = await store.probe(await keyring.issueProbe(), EVERY);
  const { nonce, at } = state;
  if (!state.begun) {
    if (state.answer !== undefined) return { outcome: JSON.parse(state.answer) as ProbeOutcome, at }; // written below
    return { outcome: await settle(deps, state), at };
  }
  try {
    const message = await doctor.queue.probe(nonce);
    await store.noteProbe(nonce, "message", message);
    return { outcome: await settle(deps, { ...state, message }), at };
  } catch (error) {
    if (!(error instanceof QueueUnavailable)) throw error;
    return { outcome: await keep(deps, nonce, { kind: "unsent", error: error.message }), at };
  }
}

/** Waits until the probe has arrived, or the queue reports its fate. */
async function settle(deps: ProbeParts, { nonce, message }: ProbeState): Promise<ProbeOutcome> {
  const until = deps.clock() + INLINE_WAIT;
  let outcome: ProbeOutcome | undefined;
  for (let look = 0; deps.clock() < until; look++) {
    await new Promise((resolve) => setTimeout(resolve, PAUSES[look] ?? 1_000));
    const state = await deps.store.probe("", EVERY);
    if (state.nonce !== nonce) break; // a later one has taken its place
    if (state.note !== undefined) return keep(deps, nonce, outcomeOf(state.note));
    // The log may be ahead of the record: it counts once the record has had time to be made.
    if (outcome) return keep(deps, nonce, outcome);
    const known = message ?? state.message;
    if (look % 2 === 1 && known !== undefined) outcome = await fateOf(deps, known);
  }
  return outcome ?? { kind: "waiting" };
}

function outcomeOf(note: string): ProbeOutcome {
  const verdict = JSON.parse(note) as SignatureVerdict; // written by noteArrival
  return verdict.valid ? { kind: "arrived" } : { kind: "refused", refusal: verdict };
}

async function fateOf({ doctor }: ProbeParts, message: string): Promise<ProbeOutcome | undefined> {
  const fate = await doctor.queue.fate(message);
  if (fate?.kind === "answered") return { kind: "answered", status: fate.status };
  return fate && { kind: "unreachable", error: fate.error };
}

async function keep({ store }: ProbeParts, nonce: string, outcome: ProbeOutcome): Promise<ProbeOutcome> {
  await store.noteProbe(nonce, "answer", JSON.stringify(outcome));
  return outcome;
}

/** Notes how a probe arrived; only the nonce of the last probe can make a note, and only one. */
export async function noteArrival(deps: ProbeParts, nonce: string, verdict: SignatureVerdict): Promise<void> {
  if (await deps.keyring.isProbe(nonce)) await deps.store.noteProbe(nonce, "note", JSON.stringify(verdict));
}
