import type { ProbeNote, ProbeState } from "../doctor/ports.ts";
import type { StoredForm } from "./config-commands.ts";

/** Tells in which form everything is stored. */
export interface VersionStore {
  /** The version of what Redis holds, and the form of what is encrypted. */
  version(): Promise<StoredForm>;
}

/** Keeps the doctor's last probe. */
export interface ProbeStore {
  /** Begins a probe of the queue, unless one was begun less than `every` milliseconds ago; an empty nonce only reads. */
  probe(nonce: string, every: number): Promise<ProbeState>;
  /** Notes something of the last probe, once; of an earlier one nothing. */
  noteProbe(nonce: string, field: ProbeNote, value: string): Promise<void>;
}

/** Tells whether Redis works. */
export interface PingStore {
  /** Whether Redis runs scripts, what time it has, and when the last sweep was made, in milliseconds. */
  ping(): Promise<{ readonly ok: boolean; readonly now?: number; readonly sweptAt?: number }>;
}
