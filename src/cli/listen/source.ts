import { type Ringback, RingbackError } from "../../client/index.ts";
import { UsageError } from "../common/failure.ts";
import { warn } from "../common/output.ts";
import { type CommonOptions, openSession } from "../common/session.ts";
import type { ListenOptions } from "./options.ts";

/** By which secrets callbacks are verified, and the gateway that knows what happens next. */
export interface Source {
  /** The gateway; undefined where no key is given and `--secret` is enough. */
  readonly url?: string;
  readonly ringback?: Ringback;
  secrets(): readonly string[];
  /** Reads them again, as they may have been rotated; false when there is nothing newer. */
  refresh(): Promise<boolean>;
}

/** @throws UsageError, RingbackError when the secret is neither given nor readable */
export async function listenSource(options: ListenOptions & CommonOptions): Promise<Source> {
  const { secret } = options;
  if (secret !== undefined) {
    if (!secret.startsWith("whsec_")) throw new UsageError("--secret must begin with whsec_");
    const session = sessionIfAny(options);
    return { ...session, secrets: () => [secret], refresh: async () => false };
  }
  const { ringback, url } = openSession(options);
  let known = await readSecrets(ringback);
  return {
    url,
    ringback,
    secrets: () => known,
    async refresh() {
      const fresh = await freshSecrets(ringback);
      const isNewer = fresh !== undefined && fresh.join() !== known.join();
      if (isNewer) known = fresh;
      return isNewer;
    },
  };
}

/** With `--secret` no key is needed; without one, nothing is known about the next attempt. */
function sessionIfAny(options: CommonOptions): Pick<Source, "url" | "ringback"> {
  try {
    const { ringback, url } = openSession(options);
    return { ringback, url };
  } catch (error) {
    if (!(error instanceof UsageError) || options.url !== undefined || options.key !== undefined) throw error;
    warn("No API key: the next attempts are not shown.");
    return {};
  }
}

/** Undefined when the gateway does not give them: the callback is then judged by those that are known. */
async function freshSecrets(ringback: Ringback): Promise<readonly string[] | undefined> {
  try {
    return [...(await readSecrets(ringback)), ...(await endpointSecrets(ringback))];
  } catch (error) {
    if (!(error instanceof RingbackError)) throw error;
    warn(`The secrets could not be read again (${error.code}): ${error.detail}`);
    return undefined;
  }
}

/** Each endpoint signs with secrets of its own; none for a key that may not read endpoints. */
async function endpointSecrets(ringback: Ringback): Promise<readonly string[]> {
  const found: string[] = [];
  try {
    for await (const { id } of ringback.endpoints.list()) {
      const { secret, previous } = await ringback.endpoints.secret(id);
      found.push(secret, ...previous.map((one) => one.secret));
    }
  } catch (error) {
    if (!(error instanceof RingbackError) || error.code !== "forbidden") throw error;
  }
  return found;
}

async function readSecrets(ringback: Ringback): Promise<readonly string[]> {
  try {
    const { secret, previous } = await ringback.signingSecret();
    return [secret, ...previous.map((one) => one.secret)];
  } catch (error) {
    if (error instanceof RingbackError && error.code === "forbidden") {
      warn("This key may not read the signing secret: use one with secrets:read, or give --secret whsec_…");
    }
    throw error;
  }
}
