import { RequestTooLarge, StoreRefused, StoreUnavailable } from "../../ports/errors.ts";
import { fault } from "../../shared/fault-point.ts";

/** Redis has forgotten the script. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && /^(Command failed: )?NOSCRIPT/.test(error.message);
}

/** Redis has reached `maxmemory`; or Upstash the plan's size, whose answer to the flag is not documented. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && /^(Command failed: )?(OOM|ERR DB capacity)/.test(error.message);
}

/** Upstash's words for what one request, one record or one key may not hold. */
const TOO_LARGE = /^ERR max (?:request|single record|key) size exceeded/;

/** Errors that the same request meets whenever it is sent: an error of the script, or a key of another type. */
const REFUSED = /^(?:ERR|WRONGTYPE|NOPERM|CROSSSLOT|EXECABORT)\b/;

/** Errors that pass: a plan's quota of commands or space is used up, or a database behind the API is away. */
const PASSING =
  /^ERR (?:max (?:daily |monthly )?requests? limit|DB capacity|the engine does not answer|.{0,80}(?:quota|rate limit|unavailable|timed? ?out|try again|loading))/i;

/** Tells what Redis will never do from what it could not do now. */
export function failureOf(script: string, error: unknown): StoreRefused | StoreUnavailable {
  const { message, name } = error instanceof Error ? error : new Error("error");
  const [said = ""] = message
    .slice(0, 500)
    .replace(/^Command failed: /, "")
    .split(", command was: ", 1); // what follows may be anybody's
  const reason = `Redis did not run "${script}" (${/^[A-Z]{2,}\b/.exec(said)?.[0] ?? name}).`;
  if (TOO_LARGE.test(said) && !fault("refusal-unread")) return new RequestTooLarge(reason);
  return REFUSED.test(said) && !PASSING.test(said) ? new StoreRefused(reason) : new StoreUnavailable(reason);
}
