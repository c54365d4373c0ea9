import { type Ringback, RingbackError, type SigningSecret } from "../../client/index.ts";
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
      const fresh = await readSecrets(ringback);
      const isNewer = fresh.join() !== known.join();
      known = fresh;
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

async function readSecrets(ringback: Ringback): Promise<readonly string[]> {
  try {
    const { secret, previous } = await ringback.request<SigningSecret>("GET", "/v1/signing-secret");
    return [secret, ...previous.map((one) => one.secret)];
  } catch (error) {
    if (error instanceof RingbackError && error.code === "forbidden") {
      warn("This key may not read the signing secret: use one with secrets:read, or give --secret whsec_…");
    }
    throw error;
  }
}
