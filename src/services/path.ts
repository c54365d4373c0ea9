import type { Service } from "./service.ts";

/** Longer ones exceed limits of QStash or of servers. */
const MAX_LENGTH = 4_096;

/** RFC 3986, section 3.3; what else there is must be percent-encoded. */
const PATH = /^[\w\-.~!$&'()*+,;=:@%/]*$/;

/** RFC 3986, section 3.4, and the brackets that many put in; without the apostrophe, which browsers encode. */
const QUERY = /^[\w\-.~!$&()*+,;=:@%/?[\]]*$/;

const BAD_ESCAPE = /%(?![0-9a-f]{2})/i;

/**
 * The fault of a path (and query) below a service's base URL, as the end of a sentence that begins with its
 * place; undefined when it may be called.
 *
 * Nothing is corrected: spellings that parsers read differently (dot segments, encoded slashes, double slashes, escapes
 * within escapes) are refused, so that no server behind can see another path than the one that was allowed.
 */
export function pathFault(service: Pick<Service, "baseUrl" | "paths">, path: string): string | undefined {
  const fault = spellingFault(path);
  if (fault) return fault;
  const [pathname = ""] = path.split("?", 1);
  if (!service.paths.some((prefix) => isUnder(pathname, prefix)))
    return "is not under a path of this service";
  const url = URL.parse(service.baseUrl + path);
  if (!url || url.origin + url.pathname + url.search !== service.baseUrl + path.replace(/\?$/, "")) {
    return "is not in its normal form";
  }
  return undefined;
}

/** The fault of the spelling alone. */
export function spellingFault(path: string): string | undefined {
  if (!path.startsWith("/")) return "must begin with a slash";
  if (path.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  if (path.includes("#")) return "must not have a fragment";
  if (BAD_ESCAPE.test(path)) return "has a % that begins no escape";
  const at = path.indexOf("?");
  const [pathname, query] = at < 0 ? [path, ""] : [path.slice(0, at), path.slice(at + 1)];
  if (!PATH.test(pathname) || !QUERY.test(query)) return "has characters that must be percent-encoded";
  const segments = pathname.slice(1).split("/");
  for (const [index, segment] of segments.entries()) {
    const fault = segmentFault(segment, index === segments.length - 1);
    if (fault) return fault;
  }
  return queryFault(query);
}

/** Whether the path is the prefix or lies below it, at a border of segments. */
function isUnder(pathname: string, prefix: string): boolean {
  if (!pathname.startsWith(prefix)) return false;
  return prefix.endsWith("/") || pathname.length === prefix.length || pathname[prefix.length] === "/";
}

/** Invisible characters, and characters that many servers drop. */
const UNSEEN = /[\p{Cf}\p{DI}]/gu;

/** Slashes and backslashes in any width, and their equivalents in code pages; control characters. */
const BREAKING = /[/\\\u2044\u2215\u2216\u29f5\u29f8\u29f9\p{Cc}]/u;

function segmentFault(segment: string, isLast: boolean): string | undefined {
  if (segment === "") return isLast ? undefined : "must not have an empty segment";
  const decoded = decode(segment);
  if (decoded === undefined) return "has escapes that are not UTF-8";
  // Some servers fold wide and compatibility forms (U+2025, U+FF0F) into dots and slashes.
  const folded = decoded.normalize("NFKC").replaceAll("\u3002", ".");
  if (BREAKING.test(folded)) return "must not have an encoded slash or control character";
  if (/%(?:[0-9a-f]{2}|u[0-9a-f]{4})/i.test(decoded)) return "must not have an escape within an escape";
  // Others cut off what follows a semicolon before they look at the dots.
  const [name = ""] = folded.replace(UNSEEN, "").split(";", 1);
  if (name === "") return "must not have an empty segment";
  if (/^\.{1,2}$/.test(name)) return "must not have a dot segment";
  // And some drop blanks and dots at the end: `..%20` is `..` to them, and `a.` is `a`.
  if (/\.\s*$/.test(name) && !/^\.{3,}$/.test(name)) return "must not have a segment that ends with a dot";
  return undefined;
}

/** QStash reads parameters of these names itself. */
function queryFault(query: string): string | undefined {
  for (const pair of query.split(/[&;]/)) {
    const name = decode((pair.split("=", 1)[0] ?? "").replaceAll("+", " "));
    if (name === undefined) return "has escapes that are not UTF-8";
    if (/^\s*(?:upstash-|qstash_token\s*$)/i.test(name)) return "has a parameter whose name is the queue's";
  }
  return undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // RFC 3629: overlong or cut sequences are no UTF-8
  }
}

/**
 * The poll address that a service named (RFC 9110, section 10.2.2), or undefined when that is no
 * address of this service: the service's secrets are sent to it.
 *
 * @param called the URL whose answer named it
 */
export function pollTarget(service: Service, location: string, called: string): string | undefined {
  if (/[\\\s]/.test(location)) return undefined;
  const url = URL.parse(location, called);
  if (!url || url.origin !== new URL(service.baseUrl).origin || url.username || url.password)
    return undefined;
  url.hash = "";
  return spellingFault(url.pathname + url.search) === undefined ? url.href : undefined;
}
