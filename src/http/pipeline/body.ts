import type { Context } from "hono";
import * as z from "zod/mini";
import { isExact } from "../../shared/json-text.ts";
import { ApiError } from "../../shared/problems.ts";
import { pointer, toValidationErrors } from "../../shared/validation-errors.ts";
import type { Env } from "./route.ts";

/** Arrays and objects that may lie inside one another; far below what recursion in a handler stands. */
export const MAX_DEPTH = 100;

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

/**
 * The request's body as JSON (RFC 8259): UTF-8, not too deep, without members named `__proto__`, with which a
 * careless copy would change what every object inherits, and without numbers such as 1e400, which would become null.
 *
 * @throws ApiError `unsupported-media-type`, `malformed-json` or `invalid-request`
 */
export async function readJson(c: Context<Env>): Promise<unknown> {
  const encoding = c.req.header("Content-Encoding") ?? "identity";
  if (!JSON_TYPE.test(c.req.header("Content-Type") ?? "") || encoding !== "identity") {
    throw new ApiError(
      "unsupported-media-type",
      "Send the body as application/json in UTF-8, without Content-Encoding.",
    );
  }
  const json = parseJson(await c.req.arrayBuffer());
  survey(json);
  return json;
}

/**
 * The request's body as the JSON text of a result, whatever media type it is declared as; undefined when there is none.
 * JSON that parsing would change, or that nests too deep, becomes a string: its text, byte for byte.
 *
 * @throws ApiError `malformed-json` or `invalid-request`
 */
export async function readResult(c: Context<Env>): Promise<string | undefined> {
  const bytes = await c.req.arrayBuffer();
  if (bytes.byteLength === 0) return undefined;
  const json = parseJson(bytes);
  const text = new TextDecoder().decode(bytes);
  if (!isExact(text)) return JSON.stringify(text);
  survey(json);
  return JSON.stringify(json);
}

/**
 * JSON of bytes in UTF-8.
 *
 * @throws ApiError of that code
 */
export function parseJson(
  bytes: ArrayBuffer,
  code: "malformed-json" | "malformed-message" = "malformed-json",
): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw unreadable(code, error);
  }
}

function unreadable(code: "malformed-json" | "malformed-message", error: unknown): ApiError {
  return new ApiError(code, error instanceof SyntaxError ? `${error.message}.` : "It is not UTF-8.");
}

/**
 * What a schema makes of a body.
 *
 * @throws ApiError `invalid-request` that names every fault
 */
export function fitting<Schema extends z.core.$ZodType>(schema: Schema, json: unknown): z.output<Schema> {
  const checked = z.safeParse(schema, json);
  if (checked.success) return checked.data;
  throw new ApiError("invalid-request", "The body does not fit its schema.", {
    errors: toValidationErrors(checked.error.issues),
  });
}

/** Looks at every value level by level: recursion is what deep nesting would break. */
function survey(json: unknown): void {
  let level: { value: unknown; top: readonly string[] }[] = [{ value: json, top: [] }];
  for (let depth = 0; level.length > 0; depth++) {
    const next: typeof level = [];
    for (const { value, top } of level) {
      const fault = faultOf(value, depth);
      if (fault !== undefined) throw unfit(top, fault);
      if (typeof value !== "object" || value === null) continue;
      for (const [name, member] of Object.entries(value)) {
        next.push({ value: member, top: depth === 0 ? [name] : top });
      }
    }
    level = next;
  }
}

function faultOf(value: unknown, depth: number): string | undefined {
  if (typeof value === "number" && !Number.isFinite(value)) return "holds a number out of range";
  if (typeof value !== "object" || value === null) return undefined;
  if (depth === MAX_DEPTH) return `nests more than ${MAX_DEPTH} levels deep`;
  return Object.hasOwn(value, "__proto__") ? 'holds a member named "__proto__"' : undefined;
}

function unfit(path: readonly string[], detail: string): ApiError {
  return new ApiError("invalid-request", "The body is not acceptable.", {
    errors: [{ pointer: pointer(path), detail }],
  });
}
