import type { ProbeNote, ProbeState } from "../../doctor/ports.ts";
import type { StoredForm } from "../commands/config.ts";

/** Reports the form in which everything is stored. */
export interface VersionStore {
  /** The version of what Redis holds, and the form of what is encrypted. */
  version(): Promise<StoredForm>;
}

/** Keeps the doctor's last probe. */
export interface ProbeStore {
  /**
   * Begins a probe of the queue, unless one was begun less than `every` milliseconds ago; an empty nonce only reads.
   */
  probe(nonce: string, every: number): Promise<ProbeState>;
  /** Records a fact about the last probe, once; ignores earlier probes. */
  noteProbe(nonce: string, field: ProbeNote, value: string): Promise<void>;
}

/** Reports whether Redis works. */
export interface PingStore {
  /** Whether Redis runs scripts, its time, and the time of the last sweep, in milliseconds. */
  ping(): Promise<{ readonly ok: boolean; readonly now?: number; readonly sweptAt?: number }>;
}
