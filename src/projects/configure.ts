import type { NewDelivery } from "../ports/commands/delivery.ts";
import type { ConfigStore } from "../ports/stores/project-store.ts";
import { type Idempotency, reused } from "../shared/idempotency.ts";
import { ApiError } from "../shared/problems.ts";
import { CONFLICT, retryOnConflict } from "../shared/retry-on-conflict.ts";
import type { Scope, StoredConfig } from "./caller.ts";
import { denied } from "./denied.ts";
import type { Client, System } from "./principal.ts";
import {
  type Endpoint,
  findEndpoint,
  type ProjectConfig,
  parseConfig,
  subscribersOf,
} from "./project-config.ts";

/** The parts that reading and changing a configuration uses. */
export type ConfigureParts = { readonly store: ConfigStore };

export interface Configured {
  readonly config: ProjectConfig;
  /** The subject of the change, from the change that was written. */
  readonly id: string;
  /** Redis time. */
  readonly now: number;
  /** The idempotency key belongs to a request that was answered before: nothing was changed. */
  readonly replayed: boolean;
}

/** A change: the new configuration, its subject, and the deliveries that announce it. */
interface Change {
  readonly config: ProjectConfig;
  readonly id: string;
  readonly deliveries?: readonly NewDelivery[];
  /** Parked tasks may start again. */
  readonly resumes?: boolean;
  /** There is nothing to change. */
  readonly same?: boolean;
}

/**
 * A configuration for a caller with the scope; whether the idempotency key was used before, and for what (`known`).
 *
 * @throws ApiError
 */
export async function readConfiguration(
  deps: ConfigureParts,
  caller: Client | System,
  scope: Scope,
  idempotency?: Idempotency,
): Promise<Pick<Configured, "config" | "now" | "replayed"> & { readonly known?: string }> {
  const { stored, now, known } = await read(deps, caller, scope, idempotency);
  return {
    config: parseConfig(stored),
    now,
    replayed: known !== undefined,
    ...(known && { known: known.id }),
  };
}

async function read(
  deps: ConfigureParts,
  caller: Client | System,
  scope: Scope,
  idempotency: Idempotency | undefined,
) {
  const answer = await deps.store.readConfig(caller, scope, idempotency);
  if (answer.kind === "missing") throw missing();
  if (answer.kind !== "found") throw denied(answer, scope);
  const { config: stored, now, known } = answer;
  if (known && known.fingerprint !== idempotency?.fingerprint) throw reused(known.id);
  return { stored, now, known };
}

/**
 * Changes a project's configuration: read, changed, written in place of the version that was read; again when another
 * writer was faster. The same idempotency key changes it once.
 *
 * @param change may be called again; gives the new configuration and the id of its subject
 * @throws ApiError
 */
export async function configure(
  deps: ConfigureParts,
  caller: Client | System,
  { scope, idempotency }: { readonly scope: Scope; readonly idempotency?: Idempotency | undefined },
  change: (config: ProjectConfig, now: number) => Promise<Change>,
): Promise<Configured> {
  const { known, ...found } = await read(deps, caller, scope, idempotency);
  let { stored, now } = found;
  if (known) return unwritten(stored, known.id, now, true);
  return await retryOnConflict(
    async () => {
      const { config, id, deliveries = [], resumes, same } = await change(parseConfig(stored), now);
      if (same) return unwritten(stored, id, now, false);
      const answer = await deps.store.configure({
        caller,
        scope,
        version: stored.version,
        json: configText(config),
        deliveries,
        ...(config.paused && { paused: config.paused }),
        ...(resumes && { resumes }),
        startsTold: subscribersOf(config, "task.started").length > 0,
        id,
        ...(idempotency && { idempotency }),
        nonce: crypto.randomUUID(),
      });
      switch (answer.kind) {
        case "configured":
          return { config, id, now: answer.now, replayed: false };
        case "changed":
          ({ config: stored, now } = answer);
          return CONFLICT;
        case "repeated":
          return unwritten(answer.config, answer.id, answer.now, true);
        case "reused":
          throw reused(answer.id);
        case "missing":
          throw missing();
        default:
          throw denied(answer, scope);
      }
    },
    () => {
      throw new Error(`The configuration of ${caller.project} keeps changing.`);
    },
  );
}

/** The scripts find the paused types at the beginning of the text. */
function configText({ paused = [], ...config }: ProjectConfig): string {
  return JSON.stringify(paused.length > 0 ? { paused, ...config } : config);
}

function unwritten(stored: StoredConfig, id: string, now: number, replayed: boolean): Configured {
  return { config: parseConfig(stored), id, now, replayed };
}

/** @throws ApiError `not-found` */
export function foundIn(config: ProjectConfig, id: string): Endpoint {
  const endpoint = findEndpoint(config, id);
  if (!endpoint) throw new ApiError("not-found", `There is no endpoint "${id}" in this project.`);
  return endpoint;
}

function missing(): ApiError {
  return new ApiError("not-found", "This project has no configuration.");
}
