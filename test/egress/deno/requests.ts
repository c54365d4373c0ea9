import { sendToVetted } from "../../../src/adapters/egress/deno-send.ts";
import { createLookup } from "../../../src/adapters/egress/dns.ts";
import { createFetcher } from "../../../src/adapters/egress/fetch.ts";
import { readCapped } from "../../../src/adapters/egress/fetch-body.ts";
import { createGuard } from "../../../src/adapters/egress/guard.ts";
import { FetchFailure } from "../../../src/ports/fetcher.ts";

/* Makes the requests of its first argument on Deno, one after the other, and prints how each went. */

/**
 * `runtime` is Deno's own fetch; `pinned` takes the given addresses; `unresolved` has none, as a host that the deployer
 * listed; `guarded` resolves the name and judges it.
 */
export interface Wanted {
  readonly how: "runtime" | "pinned" | "unresolved" | "guarded";
  readonly url: string;
  readonly addresses?: readonly string[];
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout?: number;
}

export type Outcome =
  | {
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly text: string;
      readonly truncated: boolean;
    }
  | { readonly code: string; readonly said: string };

const [doh = "", given = "[]"] = Deno.args;
const guard = createGuard({
  mode: "strict",
  allow: ["127.0.0.2", "127.0.0.9"],
  ownHosts: [],
  upstashHosts: [],
});

async function make({ how, url, addresses, method = "GET", body, headers, timeout = 5_000 }: Wanted) {
  const fetcher = createFetcher({
    // The only name that every machine resolves is refused as a name: here its addresses alone are judged.
    guard: {
      ...guard,
      checkUrl: () => undefined,
      nameOf: (text) => (how === "unresolved" ? undefined : new URL(text).hostname),
    },
    lookup: how === "guarded" ? createLookup({ url: doh }) : async () => addresses ?? [],
    send: how === "runtime" ? (input, init) => fetch(input, init) : sendToVetted,
  });
  const response = await fetcher.fetch(url, {
    method,
    redirect: "manual",
    ...(body !== undefined && { body }),
    ...(headers && { headers }),
    signal: AbortSignal.timeout(timeout),
  });
  const { text, truncated } = await readCapped(response, 1_000_000);
  return { status: response.status, headers: Object.fromEntries(response.headers), text, truncated };
}

const outcomes: Outcome[] = [];
for (const wanted of JSON.parse(given) as Wanted[]) {
  // written by the test
  outcomes.push(
    await make(wanted).catch((error: unknown) => {
      if (!(error instanceof FetchFailure)) throw error;
      return { code: error.code, said: error.message };
    }),
  );
}
console.log(JSON.stringify(outcomes));
