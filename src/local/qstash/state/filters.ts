import { badRequest } from "../errors.ts";

/** The fields that messages and dead letters can be filtered by. */
export interface Filterable {
  readonly messageId: string;
  readonly url: string;
  /** Unix milliseconds: `fromDate` and `toDate` refer to it. */
  readonly time: number;
  readonly scheduleId?: string | undefined;
  readonly callerIP?: string | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly flowControlKey?: string | undefined;
  readonly responseStatus?: number | undefined;
}

type Test = (item: Filterable) => boolean;

const FIELDS: Readonly<Record<string, (item: Filterable) => readonly (string | number | undefined)[]>> = {
  messageId: (item) => [item.messageId],
  url: (item) => [item.url],
  scheduleId: (item) => [item.scheduleId],
  callerIp: (item) => [item.callerIP],
  label: (item) => item.labels ?? [],
  flowControlKey: (item) => [item.flowControlKey],
  responseStatus: (item) => [item.responseStatus],
  host: (item) => [new URL(item.url).host],
  path: (item) => [new URL(item.url).pathname],
};

const COMMON = ["url", "scheduleId", "callerIp", "label", "flowControlKey", "fromDate", "toDate"];

/** The filters of each endpoint; another name is refused. */
export const FILTERS = {
  messages: [...COMMON, "host", "path"],
  dlq: [...COMMON, "messageId", "responseStatus"],
  logs: ["messageId"],
} as const;

/** Names that say which page or which ids are meant, and filter nothing. */
const PAGING = new Set(["count", "cursor", "messageIds", "dlqIds", "qstash_token"]);

/** The values of a list parameter, repeated or with commas between them. */
export function listParameter(query: URLSearchParams, name: string): string[] {
  return query
    .getAll(name)
    .flatMap((value) => value.split(","))
    .filter((value) => value !== "");
}

/** `count`, a positive number; undefined when it is absent. */
export function countOf(query: URLSearchParams): number | undefined {
  const text = query.get("count");
  if (text === null) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw badRequest("count must be a positive number");
  return count;
}

/** Entries of a page: `count`, at most 100 and by default 100. */
export const pageSize = (query: URLSearchParams): number => Math.min(countOf(query) ?? 100, 100);

/**
 * A predicate of the filters in a query: within one field any value may match, and all fields must.
 *
 * @throws QStashError 400 for a name that this endpoint does not filter by.
 */
export function readFilter(query: URLSearchParams, allowed: readonly string[]): Test {
  const tests: Test[] = [];
  for (const name of new Set(query.keys())) {
    if (PAGING.has(name)) continue;
    if (!allowed.includes(name)) {
      throw badRequest(`unknown filter: ${name} (this stand-in filters by ${allowed.join(", ")})`);
    }
    tests.push(name.endsWith("Date") ? dateTest(query, name) : valueTest(query, name));
  }
  return (item) => tests.every((test) => test(item));
}

function dateTest(query: URLSearchParams, name: string): Test {
  const bound = Number(query.get(name));
  if (!Number.isFinite(bound)) throw badRequest(`${name} must be a unix timestamp in milliseconds`);
  return name === "fromDate" ? (item) => item.time >= bound : (item) => item.time <= bound;
}

function valueTest(query: URLSearchParams, name: string): Test {
  // A destination may hold a comma itself.
  const wanted = new Set([...query.getAll(name), ...listParameter(query, name)]);
  const field = FIELDS[name];
  return (item) => field?.(item).some((value) => value !== undefined && wanted.has(String(value))) ?? false;
}
