import { badRequest } from "./errors.ts";

/** What messages, dead letters and log entries can be filtered by. */
export interface Filterable {
  readonly messageId: string;
  readonly url: string;
  /** Unix milliseconds: `fromDate` and `toDate` refer to it. */
  readonly time: number;
  readonly topicName?: string | undefined;
  readonly queueName?: string | undefined;
  readonly scheduleId?: string | undefined;
  readonly callerIP?: string | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly flowControlKey?: string | undefined;
  readonly responseStatus?: number | undefined;
  readonly state?: string | undefined;
}

type Field = (item: Filterable) => readonly (string | undefined)[];

const IN_PROGRESS = new Set(["ACTIVE", "RETRY", "ERROR"]);

const FIELDS: Readonly<Record<string, Field>> = {
  messageId: (item) => [item.messageId],
  url: (item) => [item.url],
  topicName: (item) => [item.topicName],
  queueName: (item) => [item.queueName],
  scheduleId: (item) => [item.scheduleId],
  callerIp: (item) => [item.callerIP],
  callerIP: (item) => [item.callerIP],
  label: (item) => item.labels ?? [],
  flowControlKey: (item) => [item.flowControlKey],
  responseStatus: (item) => [item.responseStatus === undefined ? undefined : String(item.responseStatus)],
  state: (item) => [item.state, IN_PROGRESS.has(item.state ?? "") ? "IN_PROGRESS" : undefined],
  host: (item) => [new URL(item.url).host],
  path: (item) => [new URL(item.url).pathname],
};

const COMMON = [
  "url",
  "topicName",
  "queueName",
  "scheduleId",
  "callerIp",
  "callerIP",
  "label",
  "flowControlKey",
];
const DATES = ["fromDate", "toDate"];

/** The filters of each endpoint; another name is refused. */
export const FILTERS = {
  messages: [...COMMON, ...DATES, "host", "path"],
  dlq: [...COMMON, ...DATES, "messageId", "responseStatus"],
  logs: [...COMMON, ...DATES, "messageId", "state", "host", "path"],
} as const;

/** Names that say which page or which ids are meant, and filter nothing. */
const PAGING = new Set(["count", "cursor", "messageIds", "dlqIds", "order", "qstash_token"]);

/** The values of a list parameter, repeated or with commas between them. */
export function listParameter(query: URLSearchParams, name: string): string[] {
  return query
    .getAll(name)
    .flatMap((value) => value.split(","))
    .filter((value) => value !== "");
}

/** `count` of a page, at most 100 and by default 100. */
export function pageSize(query: URLSearchParams): number {
  const count = Number(query.get("count") ?? 100);
  if (!Number.isInteger(count) || count < 1) throw badRequest("count must be a positive number");
  return Math.min(count, 100);
}

/**
 * A predicate of the filters in a query: within one field any value may match, and all fields must.
 *
 * @throws QStashError 400 for a name that this endpoint does not filter by.
 */
export function readFilter(
  query: URLSearchParams,
  allowed: readonly string[],
): (item: Filterable) => boolean {
  const tests: ((item: Filterable) => boolean)[] = [];
  for (const name of new Set(query.keys())) {
    if (PAGING.has(name)) continue;
    if (!allowed.includes(name)) throw badRequest(`unknown filter: ${name}`);
    tests.push(DATES.includes(name) ? dateTest(query, name) : valueTest(query, name));
  }
  return (item) => tests.every((test) => test(item));
}

function dateTest(query: URLSearchParams, name: string): (item: Filterable) => boolean {
  const bound = Number(query.get(name));
  if (!Number.isFinite(bound)) throw badRequest(`${name} must be a unix timestamp in milliseconds`);
  return name === "fromDate" ? (item) => item.time >= bound : (item) => item.time <= bound;
}

function valueTest(query: URLSearchParams, name: string): (item: Filterable) => boolean {
  // A destination may hold a comma itself.
  const wanted = new Set([...query.getAll(name), ...listParameter(query, name)]);
  const field = FIELDS[name];
  return (item) => field?.(item).some((value) => value !== undefined && wanted.has(value)) ?? false;
}
