/** The filter of the list of tasks; each member as the address bar has it. */
export interface Filter {
  readonly status: string;
  readonly type: string;
  /** `key=value`. */
  readonly metadata: string;
  /** A length of time back from now such as `24h`, or a time. */
  readonly since: string;
  readonly until: string;
}

export const STATUSES = [
  "scheduled",
  "queued",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "canceled",
  "expired",
] as const;

export function filterIn(query: Readonly<Record<string, string>>): Filter {
  const { status = "", type = "", metadata = "", since = "", until = "" } = query;
  return { status, type, metadata, since, until };
}

export function isNarrowed(filter: Filter): boolean {
  return Object.values(filter).some((value) => value !== "");
}

const SPANS: Readonly<Record<string, number>> = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000 };

/** The time from which on, by this computer's clock; undefined: from the beginning. */
export function startOf(since: string, now: number): string | undefined {
  if (since === "") return undefined;
  const back = Object.hasOwn(SPANS, since) ? SPANS[since] : undefined;
  return back === undefined ? instant(since) : new Date(now - back).toISOString();
}

/** A time that somebody typed, for the API; undefined when it is none. */
function instant(text: string): string | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

/** The metadata pair that a person typed; undefined when there is none. */
export function pairIn(metadata: string): readonly [key: string, value: string] | undefined {
  const [, key = "", value = ""] = /^([^=]+)=(.*)$/s.exec(metadata) ?? [];
  return key === "" ? undefined : [key.trim(), value.trim()];
}

/** Why nothing can be looked for; a member that is misunderstood must never widen a bulk action. */
export function faultIn({ metadata, since, until }: Filter): string | undefined {
  if (metadata !== "" && !pairIn(metadata)) return "Metadata must be a key and a value, such as orderId=o-1.";
  if (since !== "" && startOf(since, 0) === undefined) return `"${since}" is no time.`;
  if (until !== "" && instant(until) === undefined) return `"${until}" is no time.`;
  return undefined;
}

/** The query of `GET /v1/tasks`. */
export function queryOf(filter: Filter, now: number): Record<string, string | undefined> {
  const pair = pairIn(filter.metadata);
  return {
    status: filter.status || undefined,
    type: filter.type || undefined,
    createdAfter: startOf(filter.since, now),
    createdBefore: instant(filter.until),
    ...(pair && { [`metadata[${pair[0]}]`]: pair[1] }),
  };
}

/** The filter members of the body of a bulk action: `all` when there is none. */
export function bulkFilterOf(filter: Filter, now: number): Readonly<Record<string, unknown>> {
  if (!isNarrowed(filter)) return { all: true };
  const pair = pairIn(filter.metadata);
  const [createdAfter, createdBefore] = [startOf(filter.since, now), instant(filter.until)];
  return {
    ...(filter.status !== "" && { status: filter.status }),
    ...(filter.type !== "" && { type: filter.type }),
    ...(pair && { metadata: { [pair[0]]: pair[1] } }),
    ...(createdAfter !== undefined && { createdAfter }),
    ...(createdBefore !== undefined && { createdBefore }),
  };
}

/** The filter in words, for a question before a bulk action. */
export function inWords(filter: Filter): string {
  if (!isNarrowed(filter)) return "every task of the project";
  const parts = [
    filter.status && `status ${filter.status}`,
    filter.type && `type ${filter.type}`,
    filter.metadata && `metadata ${filter.metadata}`,
    filter.since && `accepted since ${filter.since}`,
    filter.until && `accepted before ${filter.until}`,
  ];
  return `tasks with ${parts.filter((part) => part !== "").join(", ")}`;
}
