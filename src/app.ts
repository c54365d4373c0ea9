import { createKeyring } from "./adapters/crypto/keyring.ts";
import { sign } from "./adapters/crypto/sign.ts";
import { createLookup } from "./adapters/egress/dns.ts";
import { createFetcher, type Send } from "./adapters/egress/fetch.ts";
import { createGuard, type Guard } from "./adapters/egress/guard.ts";
import { createExaminer } from "./adapters/qstash/examine.ts";
import { createQueue } from "./adapters/qstash/queue.ts";
import { createVerifier } from "./adapters/qstash/signature.ts";
import { createPayloads } from "./adapters/redis/payloads.ts";
import { createStore } from "./adapters/redis/store.ts";
import { versionedStore } from "./adapters/redis/versioned-store.ts";
import { type Config, ConfigError, readConfig } from "./config/config.ts";
import { createApp } from "./http/app.ts";
import type { Assets } from "./http/routes/static.ts";
import type { Background } from "./ports/background.ts";
import type { Dependencies } from "./ports/dependencies.ts";
import { contextOf } from "./ports/request-context.ts";
import { limitFault } from "./scheduling/flow-control.ts";
import { sweep } from "./scheduling/sweep.ts";
import { httpRequestTask } from "./services/http-request.ts";
import { errorText } from "./shared/error-text.ts";
import { createLog, type Log, type RenderLine } from "./shared/log.ts";
import type { AnyTask } from "./task.ts";
import { type AttemptName, attemptsUnderWay } from "./tasks/run/attempts-under-way.ts";
import { budgetFault } from "./tasks/run/budget-fault.ts";
import { createRunTimes } from "./tasks/run-times.ts";

// biome-ignore lint/performance/noBarrelFile: this is the package's entry
export { ConfigError } from "./config/config.ts";
export { defineTask, TaskError, wait } from "./task.ts";

/** The parts of a deployment: its task types and how it sends requests. */
export interface RingbackOptions {
  readonly tasks: readonly AnyTask[];
  /** Task types that exist only with `RINGBACK_DIAGNOSTICS=true`. */
  readonly diagnostics?: readonly AnyTask[];
  /** How requests to client-supplied URLs are sent; the runtime's fetch unless given. */
  readonly send?: Send;
  /** How a line of the log is written; as JSON unless given. */
  readonly renderLine?: RenderLine;
}

/** The gateway over one environment. */
export interface Ringback {
  readonly config: Config;
  fetch(request: Request, background: Background): Promise<Response>;
  /** Handles due entries whose message was lost; to be called each minute. Never rejects: errors are logged. */
  sweep(background: Background): Promise<void>;
  /** Attempts that handlers of this process are working on. */
  attempts(): readonly AttemptName[];
}

/**
 * Makes the gateway of a deployment; it takes the environment, and the static pages if there are any.
 *
 * @example
 * ```ts
 * const ringback = createRingback({ tasks: [shout] });
 * export default {
 *   fetch: (request: Request, env: Env, ctx: ExecutionContext) => ringback(env).fetch(request, ctx),
 * };
 * ```
 * @throws ConfigError when the environment lacks a variable or has a bad one
 */
export function createRingback(options: RingbackOptions) {
  return (env: Readonly<Record<string, unknown>>, assets?: Assets): Ringback => {
    const config = readConfig(env);
    const deps = createParts(options, config);
    for (const name of config.unknownVariables) deps.log("warn", "unknown-variable", { name });
    const verifySignature = createVerifier({ ...config.qstash, publicUrl: config.settings.publicUrl });
    const app = createApp({ deps, verifySignature, ...(assets && { assets }) });
    return {
      config,
      fetch: async (request, background) =>
        app.fetch(request, env, {
          ...reporting(deps.log, background),
          passThroughOnException: () => undefined,
          props: undefined,
        }),
      sweep: async (background) => {
        try {
          await sweep(contextOf(deps, reporting(deps.log, background)));
        } catch (error) {
          deps.log("error", "sweep-failed", { error: errorText(error) });
        }
      },
      attempts: attemptsUnderWay,
    };
  };
}

function createParts(options: RingbackOptions, config: Config): Dependencies {
  const { settings } = config;
  const guard = guardOf(config);
  const tasks = [
    httpRequestTask(config.services),
    ...options.tasks,
    ...(config.diagnostics ? (options.diagnostics ?? []) : []),
  ];
  const offered = new Map(tasks.map((task) => [task.type, task]));
  const [twice] = tasks.filter((task) => offered.get(task.type) !== task);
  if (twice) throw new ConfigError(`Two task types have the name ${twice.type}.`);
  for (const task of tasks) {
    const fault = limitFault(task) ?? budgetFault(task);
    if (fault !== undefined) throw new ConfigError(fault);
  }
  const keyring = createKeyring(config.master.secret, config.master.previous, () => store.encryptsBound());
  const payloads = createPayloads(keyring, config.encryptsPayloads);
  const store = versionedStore(createStore({ ...config.redis, payloads }), Date.now);
  return {
    settings,
    store,
    queue: createQueue({ ...config.qstash, publicUrl: settings.publicUrl }),
    fetcher: createFetcher({
      guard,
      lookup: createLookup({ url: config.callbacks.dohUrl, pinned: options.send !== undefined }),
      ...(options.send && { send: options.send }),
    }),
    sign,
    keyring,
    tasks: offered,
    services: config.services,
    doctor: {
      queue: createExaminer({ ...config.qstash, publicUrl: settings.publicUrl }),
      queueUrl: config.qstash.url,
      sweepInterval: config.sweepInterval,
      resolves: config.callbacks.policy === "strict",
    },
    runTimes: createRunTimes(),
    log: createLog(config.logLevel, options.renderLine),
    random: Math.random,
    clock: Date.now,
  };
}

/** @throws ConfigError when one of the deployer's exceptions is neither a host nor a port */
function guardOf({ settings, callbacks, redis, qstash }: Config): Guard {
  try {
    return createGuard({
      mode: callbacks.policy,
      allow: callbacks.allow,
      ownHosts: [new URL(settings.publicUrl).host],
      upstashHosts: [new URL(redis.url).host, new URL(qstash.url).host],
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ConfigError(`RINGBACK_CALLBACK_ALLOW ${ALLOW_FORM}`, { cause: error });
  }
}

const ALLOW_FORM =
  "must be hosts (name, IPv4 or IPv6 address, each with or without :port) and :port, with commas between them, and no scheme or path";

/** Runs work in the background. No caller can catch its errors, so they are logged. */
function reporting(log: Log, background: Background): Background {
  const report = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      log("error", "background-failed", { error: errorText(error) });
    }
  };
  return { waitUntil: (work) => background.waitUntil(report(work)) };
}
