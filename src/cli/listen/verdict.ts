import { CallbackError, type CallbackErrorCode, verifyCallback } from "../../receiver/index.ts";
import { type Callback, headerOf } from "./callback.ts";
import type { Source } from "./source.ts";

/** Whether a callback is genuine, and what it says. */
export interface Verdict {
  /** `valid`, or why the signature is not accepted. */
  readonly signature: "valid" | CallbackErrorCode;
  /** Why, for people. */
  readonly reason?: string;
  /** The status that a careful receiver answers. */
  readonly status: number;
  /** The header `webhook-id`; empty when it is missing. */
  readonly eventId: string;
  readonly type?: string;
  readonly taskId?: string;
  /** The body; text when it is no JSON. */
  readonly body: unknown;
}

/** Verifies a callback. Where no signature fits, the secrets may have been rotated since they were read. */
export async function judge(callback: Callback, source: Source): Promise<Verdict> {
  const { type, data } = eventIn(callback);
  const about = {
    eventId: headerOf(callback, "webhook-id"),
    ...(type !== undefined && { type }),
    ...(data?.id !== undefined && { taskId: data.id }),
    body: jsonOf(callback),
  };
  for (;;) {
    try {
      await verifyCallback({ headers: callback.headers, body: callback.body }, source.secrets());
      return { signature: "valid", status: 200, ...about };
    } catch (error) {
      if (!(error instanceof CallbackError)) throw error;
      if (error.code === "bad-signature" && (await source.refresh())) continue;
      return { signature: error.code, reason: error.message, status: error.status, ...about };
    }
  }
}

interface Event {
  readonly type?: string;
  readonly data?: { readonly id?: string; readonly challenge?: string };
}

/** The event in a body that may be anything. */
export function eventIn(callback: Callback): Event {
  const body = jsonOf(callback);
  if (typeof body !== "object" || body === null) return {};
  const { type, data } = body as Readonly<Record<string, unknown>>;
  const { id, challenge } = (typeof data === "object" && data !== null ? data : {}) as Readonly<
    Record<string, unknown>
  >;
  return {
    ...(typeof type === "string" && { type }),
    data: { ...(typeof id === "string" && { id }), ...(typeof challenge === "string" && { challenge }) },
  };
}

function jsonOf({ body }: Callback): unknown {
  const text = body.toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    return text; // shown as it is
  }
}
