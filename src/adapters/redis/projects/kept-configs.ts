import type { StoredConfig } from "../../../projects/caller.ts";
import { configOf } from "./config.ts";

/** Projects whose configuration is kept; of more, the one that was used longest ago goes. */
const MOST = 100;

/** A configuration, and its stamp: the version, and the nonce of the `configure` that wrote it. */
export interface KeptConfig {
  readonly stamp: string;
  readonly config: StoredConfig;
}

/**
 * The configurations that were read last. A caller sends the stamp of one, and Redis says whether the project still has
 * it. The nonce tells versions apart that have one number, as after a backup was restored.
 */
export class KeptConfigs {
  readonly #kept = new Map<string, KeptConfig>();

  find(project: string): KeptConfig | undefined {
    return this.#kept.get(project);
  }

  /** The configuration that Redis named by its stamp: the one that was sent along, or the text that came back. */
  read(project: string, stamp: string, text: string, sent?: KeptConfig): StoredConfig {
    const kept = sent?.stamp === stamp ? sent : { stamp, config: configOf(text) };
    this.#kept.delete(project);
    this.#kept.set(project, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST && oldest !== undefined) this.#kept.delete(oldest);
    return kept.config;
  }
}
