import { fromBase64, utf8 } from "../shared/bytes.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { headerFault } from "./headers.ts";
import type { HttpResult } from "./http-request.ts";
import { HTTP_REQUEST } from "./http-request.ts";

/** A service's answer, in a form that can be sent again. */
export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * The answer of the service that the task called, also when the task failed by it; undefined when its result is
 * something else, such as a report by the bearer of its token, or is no longer kept.
 */
export function serviceAnswer({ type, result: { json } }: TaskRecord): ServiceAnswer | undefined {
  if (type !== HTTP_REQUEST || json === undefined) return undefined;
  const result: unknown = JSON.parse(json);
  if (!isHttpResult(result)) return undefined;
  const { status, headers } = result;
  // Judged again: the bearer of a token may have reported a result that looks like an answer.
  const shown = Object.entries(headers).filter(([name, value]) => !headerFault({ headers: {} }, name, value));
  return { status, headers: Object.fromEntries(shown), body: bytesOf(result) };
}

function isHttpResult(value: unknown): value is HttpResult {
  if (typeof value !== "object" || value === null) return false;
  if (!("status" in value && "headers" in value && "body" in value)) return false;
  const { status, headers } = value;
  const isStatus = typeof status === "number" && Number.isInteger(status) && status >= 200 && status <= 599;
  return isStatus && typeof headers === "object" && headers !== null;
}

/** The body as the service sent it. */
function bytesOf({ body, bodyEncoding, bodyText }: HttpResult): Uint8Array<ArrayBuffer> {
  if (bodyText !== undefined) return utf8(bodyText);
  if (body === null || body === undefined) return new Uint8Array();
  if (typeof body !== "string") return utf8(JSON.stringify(body));
  return (bodyEncoding && fromBase64(body)) || utf8(body);
}
