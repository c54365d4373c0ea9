import { expect } from "vitest";
import type { Client } from "./client.ts";

/** A task for each way to end, soon. */
export const ENDINGS = {
  succeeded: { type: "diagnostics.echo", input: { n: 7 } },
  failed: { type: "diagnostics.flaky", input: { failures: 9 }, retries: 0 },
  canceled: { type: "diagnostics.flaky", input: { failures: 0, sleepMs: 60_000 } },
  expired: { type: "diagnostics.flaky", input: { failures: 0, sleepMs: 60_000 }, deadline: "2s" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export type Ending = keyof typeof ENDINGS;

export const EVERY_ENDING = Object.keys(ENDINGS) as readonly Ending[]; // its own keys

/** The `error.code` of each ending but the good one, as a pattern: on a busy machine a task may expire before it starts. */
const CODES = {
  failed: "flaky",
  canceled: "canceled",
  expired: "deadline-exceeded|never-started",
} as const satisfies Readonly<Partial<Record<Ending, string>>>;

type BadEnding = keyof typeof CODES;

/** Matches the code of a bad ending. */
export function codeOf(ending: BadEnding): unknown {
  return expect.stringMatching(new RegExp(`^(${CODES[ending]})$`));
}

/** Matches a sentence that names the code of a bad ending. */
export function naming(ending: BadEnding): unknown {
  return expect.stringMatching(new RegExp(`\\. (${CODES[ending]})\\. `));
}

/** Does what makes an accepted task end so: a task is canceled by somebody, the others end by themselves. */
export async function bringAbout(ending: Ending, client: Client, id: string): Promise<void> {
  if (ending !== "canceled") return;
  const { status, text } = await client.send("POST", `/v1/tasks/${id}/cancel`);
  if (status !== 200) throw new Error(`${status}: ${text}`);
}
