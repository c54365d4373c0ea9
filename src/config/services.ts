import * as z from "zod/mini";
import { headerFault, listedFault } from "../services/headers.ts";
import { spellingFault } from "../services/path.ts";
import { MAX_RESPONSE, MAX_SERVICE_TIMEOUT, SERVICE_METHODS, type Service } from "../services/service.ts";
import { MAX_RETRIES } from "../shared/limits.ts";
import { duration, text } from "../shared/schema/schema-fields.ts";

/** A place in a header's value that another variable fills, so that no secret stands in the JSON. */
const VARIABLE = /\$\{([^}]*)\}/g;

const UNITS = { B: 1, KiB: 1_024, MiB: 1_048_576 } as const;

const name = z.string().check(z.regex(/^[a-z][a-z0-9-]{0,31}$/, "must be a-z, 0-9 and hyphens, at most 32"));

const baseUrl = z.pipe(
  z.string().check(
    z.refine((value) => /^https?:\/\/[^/?#@\\\s]+(?:\/[^?#\\\s]*)?$/.test(value), {
      error: "must be an http(s) address without user, query and fragment",
      abort: true,
    }),
    z.refine((value) => isNormal(value.replace(/\/+$/, "")), "is not in its normal form"),
  ),
  z.transform((value: string) => value.replace(/\/+$/, "")),
);

const path = z.string().check(
  z.refine((value) => !value.includes("?"), "must not have a query"),
  z.refine((value) => spellingFault(value) === undefined, "must be a path such as /v1/"),
);

/** A header that clients may send or see: not for credentials, cookies, or the connection. */
const headerName = z.pipe(
  z.string().check(({ value, issues }) => {
    const message = headerFault({ headers: {} }, value, "");
    if (message) issues.push({ code: "custom", input: value, message });
  }),
  z.transform((value: string) => value.toLowerCase()),
);

const requestHeader = headerName.check(({ value, issues }) => {
  const message = listedFault(value);
  if (message) issues.push({ code: "custom", input: value, message });
});

const size = z.pipe(
  z
    .string()
    .check(
      z.refine(
        (value) => sizeOf(value) >= 1 && sizeOf(value) <= MAX_RESPONSE,
        "must be a size, at most 5MiB",
      ),
    ),
  z.transform(sizeOf),
);

const service = z.strictObject({
  name,
  baseUrl,
  methods: z._default(z.array(z.enum(SERVICE_METHODS)).check(z.minLength(1)), ["GET", "POST"]),
  paths: z.array(path).check(z.minLength(1)),
  headers: z._default(z.record(z.string(), text(0, 8_192)), {}),
  requestHeaders: z._default(z.array(requestHeader), []),
  responseHeaders: z._default(z.array(headerName), []),
  timeout: z._default(duration(1_000, MAX_SERVICE_TIMEOUT), 60_000),
  retries: z._default(z.int().check(z.minimum(0), z.maximum(MAX_RETRIES)), 3),
  concurrency: z.exactOptional(z.int().check(z.minimum(1), z.maximum(10_000))),
  completion: z._default(z.enum(["none", "token", "poll"]), "none"),
  poll: z._default(
    z.strictObject({
      interval: z._default(duration(1_000, 86_400_000), 5_000),
      pending: z._default(z.array(text(1, 100)), []),
    }),
    { interval: 5_000, pending: [] },
  ),
  responseLimit: z._default(size, MAX_RESPONSE),
});

/** `RINGBACK_SERVICES`: a JSON array of services (docs/guides/services.md). */
export const servicesSchema = z.pipe(
  z.pipe(
    z.string().check(z.refine((value) => parseJson(value) !== undefined, "must be JSON")),
    z.transform(parseJson),
  ),
  z
    .array(service)
    .check(
      z.refine((all) => new Set(all.map((one) => one.name)).size === all.length, "has two of the same name"),
    ),
);

type Written = z.output<typeof service>;

/** A service that cannot be used as it was written; the message begins with the place. */
export class ServiceConfigError extends Error {
  override readonly name = "ServiceFault";
}

/**
 * Puts the variables into the headers, and makes the checks that the schema cannot make.
 *
 * @param env where `${NAME}` is looked up
 * @param ownHost the gateway's: a call of it would be a loop
 * @throws ServiceConfigError
 */
export function readyServices(
  all: readonly Written[],
  env: Readonly<Record<string, unknown>>,
  { ownHost, strict }: { readonly ownHost: string; readonly strict: boolean },
): ReadonlyMap<string, Service> {
  const services = all.map((one, index): Service => {
    const at = `[${index}]`;
    if (strict && !one.baseUrl.startsWith("https:"))
      throw new ServiceConfigError(`${at}.baseUrl must be https`);
    if (new URL(one.baseUrl).host === ownHost) {
      throw new ServiceConfigError(`${at}.baseUrl leads to the gateway itself`);
    }
    return { ...one, headers: headersOf(one, env, `${at}.headers`) };
  });
  return new Map(services.map((one) => [one.name, one]));
}

function headersOf(one: Written, env: Readonly<Record<string, unknown>>, at: string) {
  return Object.fromEntries(
    Object.entries(one.headers).map(([header, value]) => {
      const filled = value.replace(VARIABLE, (_, variable: string) => {
        const found = env[variable];
        if (typeof found === "string" && found !== "") return found;
        throw new ServiceConfigError(`${at}.${header} needs the variable ${variable}`);
      });
      // A deployer may send credentials; that is what these headers are for.
      const isOwn = /^(?:authorization|cookie|user-agent)$/i.test(header);
      const fault = headerFault({ headers: {} }, isOwn ? "x-checked" : header, filled);
      if (fault) throw new ServiceConfigError(`${at}.${header} ${fault}`);
      return [header.toLowerCase(), filled];
    }),
  );
}

function isNormal(address: string): boolean {
  const url = URL.parse(address);
  if (!url) return false;
  return url.pathname === "/"
    ? url.origin === address
    : url.origin + url.pathname === address && spellingFault(url.pathname) === undefined;
}

function sizeOf(value: string): number {
  const match = /^(\d{1,9})(B|KiB|MiB)$/.exec(value);
  return match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : 0;
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined; // not JSON, which the check before says in words
  }
}
