import * as z from "zod/mini";
import { ENDPOINT_LIMITS } from "../endpoints/endpoint.ts";
import type { Service } from "../services/service.ts";
import { LARGEST_BODY } from "../shared/limits.ts";
import { LOG_LEVELS, type LogLevel } from "../shared/log/log.ts";
import { IN_WORDS } from "../shared/schema/zod-messages.ts";
import type { Settings } from "../shared/settings.ts";
import { parseDuration } from "../shared/time/duration.ts";
import { DELIVERY_SCHEDULE, parseSchedule } from "../shared/time/retry-schedule.ts";
import { VERSION } from "../shared/version.ts";
import { DEFAULT_RETENTION, type Retention } from "../tasks/retention.ts";
import { retentionTime, taskRetention } from "./retention.ts";
import { readyServices, ServiceConfigError, servicesSchema } from "./services.ts";
import { seemsOurs } from "./variable-names.ts";

/** The whole checked configuration: the settings of the features, and how to reach the services. */
export interface Config {
  readonly settings: Settings;
  readonly redis: { readonly url: string; readonly token: string };
  readonly qstash: {
    readonly url: string;
    readonly token: string;
    readonly currentSigningKey: string;
    readonly nextSigningKey: string;
  };
  readonly master: { readonly secret: string; readonly previous?: string };
  readonly callbacks: {
    readonly policy: "strict" | "local";
    readonly allow: readonly string[];
    /** The resolver for names, DNS over HTTPS. */
    readonly dohUrl: string;
  };
  readonly diagnostics: boolean;
  /** The least level of the lines in the log. */
  readonly logLevel: LogLevel;
  readonly retention: Retention;
  /** Whether inputs, results and bodies of events are encrypted in Redis. */
  readonly encryptsPayloads: boolean;
  /** By name. */
  readonly services: ReadonlyMap<string, Service>;
  /** Milliseconds between the sweeps of a local run. */
  readonly sweepInterval: number;
  /** Variables of the environment that look like the gateway's and are unknown: misspelt, most likely. */
  readonly unknownVariables: readonly string[];
}

/** A variable is missing or wrong: the message names it and says what it should be. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const SIZES = { B: 1, KiB: 1_024, MiB: 1_048_576 } as const;

/** A pasted value often has a line break at its end, which is not part of any header or key. */
const text = z
  .string()
  .check(z.minLength(1), z.regex(/^\S(?:.*\S)?$/, "must be one line without white space around it"));
const address = text.check(
  z.refine(isAddress, "must be an http(s) address without user"),
  z.refine((value) => !/[?#]/.test(value), "must have neither query nor fragment"),
);
const ASCII = /^[\x20-\x7e]*$/;
/** A value that a header can carry. */
const token = text.check(z.regex(ASCII, "must be ASCII"));
const leastCharacters = z.minLength(16, "must have at least 16 characters");
const secret = text.check(leastCharacters);
const duration = parsed(parseDuration, "must be a duration such as 500ms, 10s, 15m, 24h or 7d");
/** A duration within bounds: a timer holds 24 days at most, and fires at once for more. */
const durationOf = (least: string, most: string) => {
  const within = (value: number) =>
    value >= (parseDuration(least) ?? 0) && value <= (parseDuration(most) ?? 0);
  return duration.check(z.refine(within, `must be ${least} to ${most}`));
};
const schedule = parsed(parseSchedule, "must be durations with commas between them, such as 5s,30s,2m").check(
  z.refine(
    (delays) =>
      delays.length < ENDPOINT_LIMITS.attempts && delays.every((one) => one <= ENDPOINT_LIMITS.delay),
    `must be at most ${ENDPOINT_LIMITS.attempts - 1} delays of at most 7d each`,
  ),
);
const count = (most: number) =>
  parsed((value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : 0;
    return number >= 1 && number <= most ? number : undefined;
  }, `must be a whole number from 1 to ${most}`);
const size = parsed((value) => {
  const match = /^(\d{1,9})(B|KiB|MiB)$/.exec(value);
  return match ? Number(match[1]) * SIZES[match[2] as keyof typeof SIZES] : undefined;
}, "must be a size such as 1MiB, 512KiB or 1000B");
const maxBody = size.check(z.refine((value) => value >= 1 && value <= LARGEST_BODY, "must be 1B to 4MiB"));
const list = parsed(
  (value) =>
    value
      .split(",")
      .map((entry) => entry.trim())
      .filter(Boolean),
  "must have commas between its entries",
);
const origins = list.check(
  z.refine(
    (entries) => (entries.length === 1 && entries[0] === "*") || entries.every(isOrigin),
    "must be origins such as https://app.example.com with commas between them, or * alone",
  ),
);
const flag = parsed(
  (value) =>
    new Map([
      ["true", true],
      ["false", false],
    ]).get(value),
  "must be true or false",
);

const SCHEMA = z.object({
  UPSTASH_REDIS_REST_URL: address,
  UPSTASH_REDIS_REST_TOKEN: token,
  QSTASH_URL: z._default(address, "https://qstash.upstash.io"),
  QSTASH_TOKEN: token,
  QSTASH_CURRENT_SIGNING_KEY: text,
  QSTASH_NEXT_SIGNING_KEY: text,
  RINGBACK_PUBLIC_URL: address,
  RINGBACK_MASTER_SECRET: secret,
  RINGBACK_PREVIOUS_MASTER_SECRET: z.optional(secret),
  RINGBACK_ENCRYPT_PAYLOADS: z._default(flag, false),
  RINGBACK_ADMIN_TOKEN: token.check(leastCharacters),
  RINGBACK_METRICS_TOKEN: z.optional(token.check(leastCharacters)),
  RINGBACK_CALLBACK_POLICY: z._default(z.enum(["strict", "local"]), "strict"),
  RINGBACK_CALLBACK_ALLOW: z._default(list, []),
  RINGBACK_DOH_URL: z._default(address, "https://cloudflare-dns.com/dns-query"),
  RINGBACK_RETRY_SCHEDULE: z._default(schedule, parseSchedule(DELIVERY_SCHEDULE) ?? []),
  RINGBACK_CALLBACK_TIMEOUT: z._default(durationOf("100ms", "10m"), 15_000),
  RINGBACK_RESULT_TTL: z._default(durationOf("1s", "30d"), 7 * 86_400_000),
  RINGBACK_TASK_RETENTION: z._default(taskRetention, DEFAULT_RETENTION.task),
  RINGBACK_DELIVERY_RETENTION: z._default(retentionTime, DEFAULT_RETENTION.delivery),
  RINGBACK_RATE_LIMIT: z._default(count(100_000), 100),
  RINGBACK_READ_LIMIT: z._default(count(100_000), 600),
  RINGBACK_MAX_OPEN: z._default(count(100_000_000), 100_000),
  RINGBACK_MAX_BODY: z._default(maxBody, 1_048_576),
  RINGBACK_CONCURRENCY_PER_KEY: z._default(count(1_000), 1),
  RINGBACK_CONCURRENCY_PER_PROJECT: z._default(count(10_000), 40),
  RINGBACK_CORS_ORIGINS: z._default(origins, []),
  RINGBACK_MAX_ENDPOINTS: z._default(count(1_000), 20),
  RINGBACK_PARTITIONS: z._default(count(4_096), 1),
  RINGBACK_SERVICES: z._default(servicesSchema, []),
  RINGBACK_SWEEP_INTERVAL: z._default(durationOf("100ms", "24d"), 60_000),
  RINGBACK_DIAGNOSTICS: z._default(flag, false),
  RINGBACK_LOG_LEVEL: z._default(z.enum(LOG_LEVELS), "info"),
});

/**
 * Environment to checked configuration.
 *
 * @throws ConfigError that names every variable that is missing or wrong; values are never quoted
 */
export function readConfig(env: Readonly<Record<string, unknown>>): Config {
  const given = Object.fromEntries(
    VARIABLES.flatMap((name) => (env[name] === undefined || env[name] === "" ? [] : [[name, env[name]]])),
  );
  const checked = z.safeParse(SCHEMA, given, IN_WORDS);
  if (!checked.success) throw new ConfigError(explain(checked.error.issues, given));
  const values = checked.data;
  const previous = values.RINGBACK_PREVIOUS_MASTER_SECRET;
  const metricsToken = values.RINGBACK_METRICS_TOKEN;
  return {
    settings: {
      publicUrl: withoutSlash(inAscii(values.RINGBACK_PUBLIC_URL)),
      adminToken: values.RINGBACK_ADMIN_TOKEN,
      ...(metricsToken !== undefined && { metricsToken }),
      retrySchedule: values.RINGBACK_RETRY_SCHEDULE,
      callbackTimeout: values.RINGBACK_CALLBACK_TIMEOUT,
      resultTtl: values.RINGBACK_RESULT_TTL,
      rateLimit: values.RINGBACK_RATE_LIMIT,
      readLimit: values.RINGBACK_READ_LIMIT,
      maxOpen: values.RINGBACK_MAX_OPEN,
      maxBody: values.RINGBACK_MAX_BODY,
      concurrency: {
        perKey: values.RINGBACK_CONCURRENCY_PER_KEY,
        perProject: values.RINGBACK_CONCURRENCY_PER_PROJECT,
      },
      corsOrigins: values.RINGBACK_CORS_ORIGINS,
      maxEndpoints: values.RINGBACK_MAX_ENDPOINTS,
      partitions: values.RINGBACK_PARTITIONS,
      version: VERSION,
    },
    redis: { url: withoutSlash(values.UPSTASH_REDIS_REST_URL), token: values.UPSTASH_REDIS_REST_TOKEN },
    qstash: {
      url: withoutSlash(values.QSTASH_URL),
      token: values.QSTASH_TOKEN,
      currentSigningKey: values.QSTASH_CURRENT_SIGNING_KEY,
      nextSigningKey: values.QSTASH_NEXT_SIGNING_KEY,
    },
    master: { secret: values.RINGBACK_MASTER_SECRET, ...(previous !== undefined && { previous }) },
    callbacks: {
      policy: values.RINGBACK_CALLBACK_POLICY,
      allow: values.RINGBACK_CALLBACK_ALLOW,
      dohUrl: values.RINGBACK_DOH_URL,
    },
    retention: {
      task: values.RINGBACK_TASK_RETENTION,
      delivery: values.RINGBACK_DELIVERY_RETENTION,
      result: values.RINGBACK_RESULT_TTL,
    },
    encryptsPayloads: values.RINGBACK_ENCRYPT_PAYLOADS,
    diagnostics: values.RINGBACK_DIAGNOSTICS,
    logLevel: values.RINGBACK_LOG_LEVEL,
    services: servicesOf(values, env),
    sweepInterval: values.RINGBACK_SWEEP_INTERVAL,
    unknownVariables: unknownIn(env),
  };
}

/** The variables that the gateway reads. */
export const VARIABLES: readonly string[] = Object.keys(SCHEMA.shape);

/** Variables that the command line reads, and the gateway does not. */
const OF_CLIENTS: ReadonlySet<string> = new Set(["RINGBACK_URL", "RINGBACK_API_KEY"]);

function unknownIn(env: Readonly<Record<string, unknown>>): readonly string[] {
  const named = typeof env["RINGBACK_SERVICES"] === "string" ? env["RINGBACK_SERVICES"] : "";
  return Object.keys(env).filter(
    (name) =>
      !(name in SCHEMA.shape) &&
      seemsOurs(name, VARIABLES) &&
      !OF_CLIENTS.has(name) &&
      !named.includes(`\${${name}}`),
  );
}

/** An address that fetch takes, and that the client of Redis takes as one. */
function isAddress(value: string): boolean {
  const url = /^https?:\/\/[^\s#$./?\\]\S+$/.test(value) ? URL.parse(value) : null;
  return url !== null && url.username + url.password === "";
}

/** An origin as browsers write it (RFC 6454, section 6.2). */
function isOrigin(value: string): boolean {
  return /^https?:[^*]+$/.test(value) && URL.parse(value)?.origin === value;
}

/** An address that `Location` and its kin can carry: the host as `xn--…`, the path escaped. ASCII stays as it is. */
function inAscii(address: string): string {
  return ASCII.test(address) ? address : new URL(address).href;
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, "");
}

function parsed<T>(parse: (value: string) => T | undefined, message: string) {
  return z.pipe(
    z.string().check(z.refine((value) => parse(value) !== undefined, message)),
    z.transform((value: string) => parse(value) as T), // the check before it has seen that it parses
  );
}

function servicesOf(
  values: z.output<typeof SCHEMA>,
  env: Readonly<Record<string, unknown>>,
): Config["services"] {
  try {
    return readyServices(values.RINGBACK_SERVICES, env, {
      ownHost: new URL(values.RINGBACK_PUBLIC_URL).host,
      strict: values.RINGBACK_CALLBACK_POLICY === "strict",
    });
  } catch (error) {
    if (error instanceof ServiceConfigError)
      throw new ConfigError(`RINGBACK_SERVICES${error.message}`, { cause: error });
    throw error;
  }
}

function explain(issues: readonly z.core.$ZodIssue[], given: Readonly<Record<string, unknown>>): string {
  return issues
    .map((issue) => {
      const [name = "", ...place] = issue.path.map(String);
      if (!(name in given)) return `${name} is required`;
      if (issue.code === "unrecognized_keys") place.push(issue.keys.join(", "));
      return `${name}${place.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`)).join("")} ${issue.message}`;
    })
    .join("; ");
}
