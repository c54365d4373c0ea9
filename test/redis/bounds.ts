import { expect } from "vitest";
import type { FaultPoint } from "../../src/shared/fault-point.ts";
import { TASK_CHANGES } from "../../src/shared/limits.ts";
import type { Observed, ObservedEngine } from "./observed-engine.ts";

/** A script's commands, and what they read or remove, may never be more. */
interface Bound {
  readonly commands: number;
  readonly elements: number;
}

const FEW: Bound = { commands: 60, elements: 1_000 };

/** A task's or a delivery's whole hash: fields and values of a task as long as one may become. */
const HASH = 2 * (TASK_CHANGES + 100);

/** Scripts that do more than a few things; the rest keeps {@link FEW}. A page of 1,000 counts with its scores. */
const BOUNDS: Readonly<Record<string, Bound>> = {
  ...Object.fromEntries(
    [
      "accept",
      "claim",
      "renew",
      "end",
      "replay",
      "redeliver",
      "report",
      "announce",
      "recordCall",
      "recordPoll",
      "watch",
    ].map((name) => [name, { commands: 60, elements: 2 * HASH }]),
  ),
  read: { commands: 102, elements: 100 * HASH },
  reconcile: { commands: 302, elements: 100 * HASH },
  listDeadLetters: { commands: 1_600, elements: 3_600 },
  listOldDeadLetters: { commands: 70, elements: 2_100 },
  page: { commands: 400, elements: 2_100 },
  statuses: { commands: 901, elements: 901 },
  // The sample that GET /v1/stats counts: 1,000 tasks, 7 fields of each.
  states: { commands: 1_000, elements: 14_000 },
  findEncrypted: { commands: 100, elements: 300 },
  scan: { commands: 1, elements: 2_100 },
  erasePart: { commands: 1_010, elements: 1_100 },
  fates: { commands: 500, elements: 1_500 },
};

/** Fault points of scripts that read all that a project has. */
export const UNBOUNDED: readonly { readonly point: FaultPoint; readonly script: string }[] = [
  { point: "reads-every-key", script: "accept" },
  { point: "reads-every-dead-letter", script: "listDeadLetters" },
];

/** The most that each script did at once since the engine was asked last. */
function most(engine: ObservedEngine): ReadonlyMap<string, Bound> {
  const found = new Map<string, Bound>();
  for (const { script, commands } of engine.taken()) {
    const before = found.get(script) ?? { commands: 0, elements: 0 };
    const elements = commands.reduce((sum, one: Observed) => sum + one.elements, 0);
    found.set(script, {
      commands: Math.max(before.commands, commands.length),
      elements: Math.max(before.elements, elements),
    });
  }
  return found;
}

/** What ran since the engine was asked last kept its bounds. @param ran a script that is among it */
export function expectWithinBounds(engine: ObservedEngine, ran: string): void {
  const found = most(engine);
  expect([...found.keys()]).toContain(ran);
  for (const [script, { commands, elements }] of found) {
    const bound = BOUNDS[script] ?? FEW;
    expect(commands, `commands of ${script}`).toBeLessThanOrEqual(bound.commands);
    expect(elements, `elements that ${script} touches`).toBeLessThanOrEqual(bound.elements);
  }
}
