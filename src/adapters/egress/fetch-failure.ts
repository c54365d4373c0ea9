import type { FetchFailureCode } from "../../ports/fetcher.ts";

interface Explanation {
  readonly code: FetchFailureCode;
  readonly message: string;
}

const EXPLANATIONS = {
  dns: { code: "dns-failed", message: "The host's name could not be resolved." },
  tls: { code: "tls-failed", message: "The TLS handshake with the host failed." },
  timeout: { code: "timeout", message: "The host did not answer in time." },
  exchange: {
    code: "response-aborted",
    message: "The host broke the connection, or answered no valid HTTP.",
  },
  connect: { code: "connect-failed", message: "The host could not be reached, or broke the connection." },
} as const satisfies Record<string, Explanation>;

// Node names a code; Deno and workerd describe the error in words. Only texts that each was seen to use are listed.
const DNS = /\b(?:ENOTFOUND|EAI_[A-Z]+|dns error|DNS lookup failed|failed to lookup address)\b/i;
const TLS =
  /\b(?:CERT_[A-Z_]+|[A-Z_]*SELF_SIGNED[A-Z_]*|UNABLE_TO_[A-Z_]+|ERR_(?:TLS|SSL)_[A-Z_0-9]+|EPROTO)\b|certificate|\b(?:TLS|SSL|handshake)\b|corrupt message/i;
const TIMEOUT = /\b(?:ETIMEDOUT|UND_ERR_[A-Z]+_TIMEOUT|TimeoutError)\b|timed out/i;

// Reported after the connection was made, for an answer without a head or one that is not HTTP.
const EXCHANGE = /client error \(SendRequest\)|\b(?:HTTPParserError|UND_ERR_SOCKET)\b/;

/** How far a connection had come when it failed; plain HTTP has no `handshake`. */
export type ConnectionPhase = "connect" | "handshake" | "exchange";

/**
 * Classifies the reason why a fetch failed, from the errors of workerd, Deno and Node, which have no code in common.
 * The result is `connect-failed` in doubt: workerd reports the same for a refused connection and for an answer that is
 * not HTTP. The message is ours: the runtimes' own messages carry addresses.
 *
 * @param phase where the caller knows it, it alone decides on `tls-failed` and `response-aborted`
 */
export function failureCode(error: unknown, phase?: ConnectionPhase): Explanation {
  if (phase === "handshake") return EXPLANATIONS.tls;
  const said = describe(error);
  if (TIMEOUT.test(said)) return EXPLANATIONS.timeout;
  if (phase === "exchange" || (phase === undefined && EXCHANGE.test(said))) return EXPLANATIONS.exchange;
  if (DNS.test(said)) return EXPLANATIONS.dns;
  return phase === undefined && TLS.test(said) ? EXPLANATIONS.tls : EXPLANATIONS.connect;
}

/** Names, codes and messages of an error and its causes, without the URLs in them, which clients choose. */
function describe(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current instanceof Error && depth < 4; depth += 1) {
    const code = "code" in current && typeof current.code === "string" ? current.code : "";
    parts.push(current.name, code, current.message.replace(/\b[a-z][a-z+.-]{0,20}:\/\/\S*/gi, ""));
    current = current.cause;
  }
  return parts.join(" ");
}
