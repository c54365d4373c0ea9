import type { Actor, Progress, TaskRecord } from "../domain/record.ts";
import type { Caller, StoredConfig } from "./caller.ts";
import { type Ending, endOf } from "./events.ts";
import { fanOut, leased, type Opened, openedOf } from "./fan-out.ts";
import type { Idempotency } from "./idempotency.ts";
import type { Parts } from "./parts.ts";
import type { Authority, EndAnswer } from "./task-commands.ts";

export interface Conclusion {
  readonly record: TaskRecord;
  readonly config: StoredConfig;
  readonly authority: Authority;
  readonly ending: Ending;
  readonly actor: Actor;
  /** A client whose key has to be checked too. */
  readonly caller?: Caller;
  readonly idempotency?: Idempotency;
  readonly cause?: string;
  /** What the handler said last of how far it is. */
  readonly progress?: Progress;
  /** Redis time. */
  readonly time: () => number;
}

/** What became of it, and the deliveries that are to be sent. */
export type Concluded =
  | {
      readonly kind: "ended";
      readonly ending: Ending;
      readonly endedAt: number;
      readonly now: number;
      readonly config: StoredConfig;
      readonly opened: Opened;
    }
  | Exclude<EndAnswer, { kind: "ended" | "config-changed" | "deadline-passed" }>;

/** Ends a task. Past its deadline it can only expire; when endpoints changed meanwhile its deliveries are worked out again. */
export async function conclude(parts: Parts, conclusion: Conclusion): Promise<Concluded> {
  const { authority, progress } = conclusion;
  const record = progress ? { ...conclusion.record, progress } : conclusion.record;
  let { ending, config } = conclusion;
  for (let attempt = 0; attempt < 5; attempt++) {
    const endedAt = Math.max(Math.floor(conclusion.time()), record.startedAt ?? record.createdAt);
    const resultTtl = record.options.resultTtl ?? parts.settings.resultTtl;
    const made = await fanOut(parts, config, endOf(record, ending, endedAt, resultTtl));
    // The holder of the task's lease sends the first attempts itself; for others the deliver step begins them.
    const deliveries = authority.by === "lease" ? leased(parts, made) : made;
    const answer = await parts.store.end({
      record,
      authority,
      outcome: {
        kind: ending.status,
        endedAt,
        resultTtl,
        deliveries,
        ...(ending.result !== undefined && { result: ending.result }),
        ...(ending.error && { error: ending.error }),
      },
      actor: conclusion.actor,
      ...(conclusion.caller && { caller: conclusion.caller }),
      ...(conclusion.idempotency && { idempotency: conclusion.idempotency }),
      ...(conclusion.cause !== undefined && { cause: conclusion.cause }),
      ...(conclusion.progress && { progress: conclusion.progress }),
      configVersion: config.version,
      nonce: crypto.randomUUID(),
    });
    switch (answer.kind) {
      case "deadline-passed":
        ending = expiry(record);
        continue;
      case "config-changed":
        config = answer.config;
        continue;
      case "ended":
        return {
          ...{ kind: "ended", ending, endedAt, now: answer.now, config },
          opened: openedOf(deliveries, answer.held),
        };
      default:
        return answer;
    }
  }
  throw new Error(`Task ${record.id} could not be ended: its project's configuration keeps changing.`);
}

/** How a task ends whose deadline has passed. */
export function expiry(record: TaskRecord): Ending {
  const started = record.attempt > 0;
  return {
    status: "expired",
    error: {
      code: started ? "deadline-exceeded" : "never-started",
      message: started
        ? "The deadline passed before the task succeeded."
        : "The deadline passed before the first attempt began.",
      retryable: false,
    },
  };
}
