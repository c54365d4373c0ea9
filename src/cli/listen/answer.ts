import { codeOf } from "../../local/command/failure.ts";
import { UsageError } from "../common/failure.ts";
import { warn } from "../common/output.ts";
import { type Callback, headerOf } from "./callback.ts";
import type { ListenOptions } from "./options.ts";
import { eventIn, type Verdict } from "./verdict.ts";

/** The answer to a callback. */
export interface Answered {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export type ListenAnswer = (callback: Callback, verdict: Verdict) => Answered | Promise<Answered>;

/** A server that is slower than this is slower than the gateway waits. */
const FORWARD_TIMEOUT = 30_000;

/** Headers of the connection: a forwarded request and its answer have their own. */
const OWN =
  /^(?:connection|keep-alive|transfer-encoding|content-length|content-encoding|host|expect|upgrade)$/i;

/**
 * How callbacks are answered: with `--status`, as `--forward-to` answers, or as a careful receiver does.
 *
 * @throws UsageError
 */
export function answerOf({ status, forwardTo }: ListenOptions): ListenAnswer {
  if (status !== undefined && forwardTo !== undefined) {
    throw new UsageError("--status and --forward-to exclude each other");
  }
  if (status !== undefined) {
    const number = /^[2-5]\d\d$/.test(status) ? Number(status) : Number.NaN;
    if (Number.isNaN(number)) throw new UsageError("--status must be an HTTP status from 200 to 599");
    return () => ({ status: number });
  }
  if (forwardTo !== undefined) {
    const url = URL.parse(forwardTo.includes("://") ? forwardTo : `http://${forwardTo}`);
    if (!url) throw new UsageError("--forward-to must be an address such as http://127.0.0.1:3000/hooks");
    return (callback) => forward(callback, url);
  }
  return careful;
}

/** Accepts a genuine callback, proves an endpoint's verification, and agrees to a CloudEvents handshake. */
function careful(callback: Callback, verdict: Verdict): Answered {
  const origin = headerOf(callback, "webhook-request-origin");
  if (callback.method === "OPTIONS" && origin)
    return { status: 200, headers: { "webhook-allowed-origin": origin } };
  if (verdict.signature !== "valid") return { status: verdict.status, body: verdict.signature };
  const challenge = eventIn(callback).data?.challenge;
  if (verdict.type !== "endpoint.verification" || challenge === undefined) return { status: 200 };
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ challenge }),
  };
}

/** The very bytes, so that the signature stays valid there. */
async function forward({ method, headers, body }: Callback, url: URL): Promise<Answered> {
  const passed = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    OWN.test(name) || value === undefined ? [] : [[name, String(value)]],
  );
  try {
    const response = await fetch(url, {
      method,
      headers: passed,
      ...(method !== "GET" && method !== "HEAD" && { body: new Uint8Array(body) }),
      redirect: "manual",
      signal: AbortSignal.timeout(FORWARD_TIMEOUT),
    });
    const answer = [...response.headers].filter(([name]) => !OWN.test(name));
    return {
      status: response.status,
      headers: Object.fromEntries(answer),
      body: Buffer.from(await response.arrayBuffer()),
    };
  } catch (error) {
    warn(`${url.href} does not answer (${codeOf(error)}): the callback is answered 502`);
    return { status: 502 };
  }
}
