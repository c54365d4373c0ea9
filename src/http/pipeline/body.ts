import type { Context } from "hono";
import * as z from "zod/mini";
import { MAX_DEPTH, surveyJson } from "../../shared/json/json-text.ts";
import { ApiError, type ValidationError } from "../../shared/problems.ts";
import { fragmentOf, pointer, toValidationErrors } from "../../shared/schema/validation-errors.ts";
import { IN_WORDS } from "../../shared/schema/zod-messages.ts";
import { receive } from "./receive.ts";
import type { Env } from "./route.ts";

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

/** The body of a request: its text, and the value that JSON.parse returns. */
export interface JsonBody {
  readonly text: string;
  readonly json: unknown;
}

/**
 * The request's body as JSON (RFC 8259) in UTF-8, with nothing in it that {@link faultIn} finds.
 *
 * @throws ApiError `unsupported-media-type`, `malformed-json` or `invalid-request`
 */
export async function readJson(c: Context<Env>): Promise<unknown> {
  const { text, json } = await readJsonBody(c);
  const fault = faultIn(text, json);
  if (fault) throw unfit(fault);
  return json;
}

/**
 * The request's body as JSON, for a handler that checks each part with {@link faultIn} itself.
 *
 * @throws ApiError `unsupported-media-type` or `malformed-json`
 */
export async function readJsonBody(c: Context<Env>): Promise<JsonBody> {
  const encoding = c.req.header("Content-Encoding") ?? "identity";
  if (!JSON_TYPE.test(c.req.header("Content-Type") ?? "") || encoding !== "identity") {
    throw new ApiError(
      "unsupported-media-type",
      "Send the body as application/json in UTF-8, without Content-Encoding.",
    );
  }
  return parseBody(await receive(c, "malformed-json"));
}

/**
 * The request's body as the JSON text of a result, with any declared media type; undefined without a body.
 * JSON that {@link faultIn} faults becomes a string: its text, byte for byte. The sender could not mend it.
 *
 * @throws ApiError `malformed-json`
 */
export async function readResult(c: Context<Env>): Promise<string | undefined> {
  const bytes = await receive(c, "malformed-json");
  if (bytes.byteLength === 0) return undefined;
  const { text, json } = parseBody(bytes);
  return JSON.stringify(faultIn(text, json) ? text : json);
}

/**
 * JSON of bytes in UTF-8.
 *
 * @throws ApiError of that code
 */
export function parseJson(bytes: ArrayBuffer, code: "malformed-json" | "malformed-message"): unknown {
  return parseBody(bytes, code).json;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

function parseBody(
  bytes: ArrayBuffer,
  code: "malformed-json" | "malformed-message" = "malformed-json",
): JsonBody {
  try {
    const text = UTF8.decode(bytes);
    return { text, json: JSON.parse(text) };
  } catch (error) {
    throw unreadable(code, error);
  }
}

function unreadable(code: "malformed-json" | "malformed-message", error: unknown): ApiError {
  return new ApiError(code, error instanceof SyntaxError ? `${error.message}.` : "It is not UTF-8.");
}

/**
 * Validates a body against a schema.
 *
 * @throws ApiError `invalid-request` that names every fault
 */
export function fitting<Schema extends z.core.$ZodType>(schema: Schema, json: unknown): z.output<Schema> {
  const checked = z.safeParse(schema, json, IN_WORDS);
  if (checked.success) return checked.data;
  throw new ApiError("invalid-request", "The body does not fit its schema.", {
    errors: toValidationErrors(checked.error.issues),
  });
}

/**
 * The fault for which a JSON text cannot be kept as sent: too many levels, a number that JSON.parse would change, a
 * member named `__proto__`, with which a careless copy would change what every object inherits. Makes nothing per
 * value.
 *
 * @param json the value that JSON.parse returns for the text
 */
export function faultIn(text: string, json: unknown): ValidationError | undefined {
  const { deepAt, inexact } = surveyJson(text);
  if (deepAt !== undefined) {
    return { pointer: fragmentOf(deepAt), detail: `nests more than ${MAX_DEPTH} levels deep` };
  }
  if (inexact) {
    const detail = "is a number that a double cannot hold; send it as a string";
    return { pointer: fragmentOf(inexact.pointer), detail };
  }
  // Names may be spelt with escapes; most bodies have neither.
  return /__proto__|\\u/.test(text) ? protoFault(json) : undefined;
}

function protoFault(json: unknown): ValidationError | undefined {
  const detail = 'holds a member named "__proto__"';
  if (typeof json !== "object" || json === null) return undefined;
  if (Object.hasOwn(json, "__proto__")) return { pointer: "#", detail };
  const top = Object.entries(json).find(([, member]) => hasProto(member))?.[0];
  return top === undefined ? undefined : { pointer: pointer([top]), detail };
}

/** Recursion is safe: {@link surveyJson} has bounded the depth. */
function hasProto(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.hasOwn(value, "__proto__") || Object.values(value).some(hasProto);
}

function unfit(fault: ValidationError): ApiError {
  return new ApiError("invalid-request", "The body is not acceptable.", { errors: [fault] });
}
