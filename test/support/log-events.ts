import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./process.ts";

/** The fields that a line may always have. */
const ALWAYS = ["time", "level", "event", "requestId"];

/** The words that the tables have for several fields, as `*attempt*`. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  attempt: ["project", "task", "type", "run", "attempt", "traceId"],
  delivery: ["project", "task", "batch", "delivery", "eventType", "endpoint", "traceId"],
};

export interface DocumentedEvent {
  /** The fields that its line may have. */
  readonly fields: readonly string[];
  readonly example: Readonly<Record<string, unknown>> | undefined;
}

/** The events that docs/operations/logs.md has, by name. */
export async function documentedEvents(): Promise<ReadonlyMap<string, DocumentedEvent>> {
  const page = await readFile(join(root, "docs/operations/logs.md"), "utf8");
  const examples = new Map(
    [...page.matchAll(/^```json\n(.*?)^```/gms)]
      .flatMap(([, block = ""]) => block.split(/\n(?=\{)/))
      .map((text): Readonly<Record<string, unknown>> => JSON.parse(text))
      .map((line) => [line["event"], line]),
  );
  const rows = page.matchAll(/^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \| ([^|]*) \|$/gm);
  return new Map(
    [...rows].map(([, event = "", , , cell = ""]) => {
      const own = [...cell.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
      const shared = [...cell.matchAll(/\*(\w+)\*/g)].flatMap(([, group = ""]) => GROUPS[group] ?? []);
      const fields = [...ALWAYS, ...shared, ...own];
      return [event, { fields, example: examples.get(event) }];
    }),
  );
}
