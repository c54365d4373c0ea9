import { Refusal } from "../domain/problems.ts";
import type { Caller, Scope } from "./caller.ts";
import { denied } from "./denied.ts";
import { type Idempotency, reused } from "./idempotency.ts";
import type { Parts } from "./parts.ts";
import {
  type Endpoint,
  findEndpoint,
  type ProjectConfig,
  parseConfig,
  subscribersOf,
} from "./project-config.ts";

/** How often a change is made anew when others change the same configuration. */
const ROUNDS = 5;

export interface Configured {
  readonly config: ProjectConfig;
  /** What the change was about, as the change that was written said. */
  readonly id: string;
  /** Redis time. */
  readonly now: number;
  /** The idempotency key belongs to a request that was answered before: nothing was changed. */
  readonly replayed: boolean;
}

/**
 * A configuration for a caller with the scope, and whether the idempotency key has changed it before.
 *
 * @throws Refusal
 */
export async function readConfiguration(
  parts: Parts,
  caller: Caller,
  scope: Scope,
  idempotency?: Idempotency,
): Promise<Omit<Configured, "id">> {
  const { stored, now, known } = await read(parts, caller, scope, idempotency);
  return { config: parseConfig(stored), now, replayed: known !== undefined };
}

async function read(parts: Parts, caller: Caller, scope: Scope, idempotency: Idempotency | undefined) {
  const answer = await parts.store.readConfig(caller, scope, idempotency);
  if (answer.kind === "missing") throw missing();
  if (answer.kind !== "found") throw denied(answer, scope);
  const { config: stored, now, known } = answer;
  if (known && known.fingerprint !== idempotency?.fingerprint) throw reused(known.id);
  return { stored, now, known };
}

/**
 * Changes a project's configuration: read, changed, written in place of what was read; anew when somebody else was
 * faster. The same idempotency key changes it once.
 *
 * @param change may be called again; gives the new configuration and the id of what it is about
 * @throws Refusal
 */
export async function configure(
  parts: Parts,
  caller: Caller,
  { scope, idempotency }: { readonly scope: Scope; readonly idempotency?: Idempotency | undefined },
  change: (
    config: ProjectConfig,
    now: number,
  ) => Promise<{ readonly config: ProjectConfig; readonly id: string }>,
): Promise<Configured> {
  const { known, ...found } = await read(parts, caller, scope, idempotency);
  let { stored, now } = found;
  if (known) return { config: parseConfig(stored), id: known.id, now, replayed: true };
  for (let round = 0; round < ROUNDS; round++) {
    const { config, id } = await change(parseConfig(stored), now);
    const answer = await parts.store.configure({
      caller,
      scope,
      version: stored.version,
      json: JSON.stringify(config),
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
        continue;
      case "repeated":
        return { config: parseConfig(answer.config), id: answer.id, now: answer.now, replayed: true };
      case "reused":
        throw reused(answer.id);
      case "missing":
        throw missing();
      default:
        throw denied(answer, scope);
    }
  }
  throw new Error(`The configuration of ${caller.project} keeps changing.`);
}

/** @throws Refusal `not-found` */
export function foundIn(config: ProjectConfig, id: string): Endpoint {
  const endpoint = findEndpoint(config, id);
  if (!endpoint) throw new Refusal("not-found", `There is no endpoint "${id}" in this project.`);
  return endpoint;
}

function missing(): Refusal {
  return new Refusal("not-found", "This project has no configuration.");
}
