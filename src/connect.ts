import { createKeyring } from "./adapters/crypto/keyring.ts";
import { createSign } from "./adapters/crypto/sign.ts";
import { webCrypto } from "./adapters/crypto/web-crypto.ts";
import { createLookup } from "./adapters/egress/dns.ts";
import { createFetcher } from "./adapters/egress/fetch.ts";
import { createGuard, type Guard } from "./adapters/egress/guard.ts";
import { createExaminer } from "./adapters/qstash/examine.ts";
import { createQueue } from "./adapters/qstash/queue.ts";
import { createVerifier } from "./adapters/qstash/signature.ts";
import { createPayloads } from "./adapters/redis/payloads.ts";
import { createStore } from "./adapters/redis/store.ts";
import { versionedStore } from "./adapters/redis/versioned-store.ts";
import { type Config, ConfigError, readConfig } from "./config/config.ts";
import type { Deployed } from "./deployed.ts";
import type { VerifySignature } from "./http/access/authenticate.ts";
import type { CryptoProvider } from "./ports/crypto-provider.ts";
import type { Dependencies } from "./ports/dependencies.ts";
import { limitFault } from "./scheduling/flow-control.ts";
import { httpRequestTask } from "./services/http-request.ts";
import { createLog } from "./shared/log/log.ts";
import { nameFault } from "./tasks/name-fault.ts";
import { budgetFault } from "./tasks/run/budget-fault.ts";
import { createRunTimes } from "./tasks/run-times.ts";
import { createImmediateStarts, startFault, workAfterAnswer } from "./tasks/submit/immediate-start.ts";

/** The connected parts of a gateway over one environment. */
export interface Connected {
  readonly config: Config;
  readonly deps: Dependencies;
  readonly verifySignature: VerifySignature;
}

/**
 * Connects a deployment to the services of an environment. Sends no request.
 *
 * @throws ConfigError when the environment lacks a variable or has a bad one
 */
export function connect(deployed: Deployed, env: Readonly<Record<string, unknown>>): Connected {
  const config = readConfig(env);
  const judged = judgedWith(deployed.crypto);
  const deps = createParts(deployed, config, judged.crypto);
  for (const name of config.unknownVariables) deps.log("warn", "unknown-variable", { name });
  return {
    config,
    deps,
    verifySignature: createVerifier({
      ...config.qstash,
      publicUrl: config.settings.publicUrl,
      ...judged,
    }),
  };
}

/** A deployment that brings its own cryptography uses it for the signatures of QStash too. */
export function judgedWith(crypto: CryptoProvider | undefined) {
  return crypto ? ({ crypto, judge: "own" } as const) : ({ crypto: webCrypto, judge: "official" } as const);
}

function createParts(options: Deployed, config: Config, provider: CryptoProvider): Dependencies {
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
    const fault = nameFault(task) ?? limitFault(task) ?? budgetFault(task) ?? startFault(task);
    if (fault !== undefined) throw new ConfigError(fault);
  }
  const keyring = createKeyring(provider, config.master.secret, config.master.previous, () =>
    store.encryptsBound(),
  );
  const payloads = createPayloads(keyring, config.encryptsPayloads);
  const store = versionedStore(
    createStore({
      ...config.redis,
      hashes: provider,
      payloads,
      retention: config.retention,
      sharesRequests: options.sharesRequests,
    }),
    Date.now,
  );
  return {
    settings,
    store,
    queue: createQueue({ ...config.qstash, publicUrl: settings.publicUrl }),
    fetcher: createFetcher({
      guard,
      lookup: createLookup({ url: config.callbacks.dohUrl, pinned: options.send !== undefined }),
      ...(options.send && { send: options.send }),
    }),
    sign: createSign(provider),
    hashes: provider,
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
    immediate: createImmediateStarts(Date.now, workAfterAnswer()),
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
