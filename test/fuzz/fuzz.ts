import * as fc from "fast-check";
import { makeBystander } from "./bystander.ts";
import { createJudge } from "./judge.ts";
import { type Finding, type Lane, openLane, type Target } from "./lane.ts";
import { listen } from "./receiver.ts";
import { type Plan, requests } from "./requests.ts";
import { readSpecification, type Specification } from "./specification.ts";

export interface Options {
  readonly seed: number;
  /** How many requests, over all lanes. */
  readonly requests: number;
  /** Clients side by side, each in a project of its own. */
  readonly lanes?: number;
  /** The Redis under the gateway, when it is a real one. */
  readonly redis: string | undefined;
  /** What the gateway has printed until now. */
  output(): string;
}

export interface Report {
  readonly sent: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Of each operation: how many answers of which status. */
  readonly operations: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** One of each kind. */
  readonly findings: readonly (Finding & { readonly times: number })[];
  /** What of the bystander's changed. */
  readonly disturbed: readonly string[];
  /** Lines in which the gateway says that something went wrong with it. */
  readonly errors: readonly string[];
}

/** Sends requests to a gateway and judges every answer by the document that it serves. */
export async function fuzz(target: Target, options: Options): Promise<Report> {
  const specification = await readSpecification(target.url);
  const judge = createJudge(specification, target.url);
  const receiver = await listen(() => undefined);
  const bystander = await makeBystander(target, receiver.url, options.redis);
  const before = await bystander.snapshot();
  const count = options.lanes ?? 4;
  const spared = new Set(Object.values(bystander.ids).flat());
  const lanes = await Promise.all(
    Array.from({ length: count }, () => openLane(target, judge, bystander, spared)),
  );
  const tally = createTally();
  try {
    await Promise.all(
      lanes.map((lane, index) =>
        drive(lane, specification, options.seed + index, Math.ceil(options.requests / count), tally),
      ),
    );
    const after = await bystander.snapshot();
    return {
      ...tally.report(),
      disturbed: [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
        (name) => before[name] !== after[name],
      ),
      errors: errorsIn(options.output()),
    };
  } finally {
    await Promise.all(lanes.map((lane) => lane.stop()));
    await receiver.stop();
  }
}

/** Plans are made in portions: all of them at once would be hundreds of megabytes. */
const PORTION = 250;

async function drive(
  lane: Lane,
  specification: Specification,
  seed: number,
  requestCount: number,
  tally: Tally,
): Promise<void> {
  const arbitrary = requests(specification);
  for (let from = 0; from < requestCount; from += PORTION) {
    const numRuns = Math.min(PORTION, requestCount - from);
    for (const plan of fc.sample(arbitrary, { seed: seed * 1_000 + from / PORTION, numRuns })) {
      const { status, findings } = await lane.send(plan);
      tally.count(plan, status, findings);
    }
  }
}

interface Tally {
  count(plan: Plan, status: number, findings: readonly Finding[]): void;
  report(): Pick<Report, "sent" | "statuses" | "operations" | "findings">;
}

function createTally(): Tally {
  let sent = 0;
  const statuses: Record<string, number> = {};
  const operations: Record<string, Record<string, number>> = {};
  const found = new Map<string, Finding & { times: number }>();
  return {
    count: ({ operation: { operationId } }, status, findings) => {
      sent++;
      statuses[status] = (statuses[status] ?? 0) + 1;
      const own = operations[operationId] ?? {};
      operations[operationId] = { ...own, [status]: (own[status] ?? 0) + 1 };
      for (const one of findings) {
        const known = found.get(one.fault);
        if (known) known.times++;
        else found.set(one.fault, { ...one, times: 1 });
      }
    },
    report: () => ({ sent, statuses, operations, findings: [...found.values()] }),
  };
}

function errorsIn(output: string): string[] {
  return output
    .split("\n")
    .filter((line) => /"level":"error"|"event":"store-unavailable"|Uncaught|panicked|FATAL/.test(line));
}
