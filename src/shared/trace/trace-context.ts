import { hex } from "../bytes.ts";
import { idBytes } from "../id.ts";

/*
 * Trace context (W3C Trace Context, level 1). A trace is kept as one text: its `traceparent`, and after a space its
 * `tracestate`.
 */

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?$/;

/** The permitted form of a `tracestate`; a longer or other one is dropped (section 3.3). */
const TRACESTATE = /^[ -~]{1,512}$/;

/**
 * A `traceparent` that can be carried on (section 3.2), as version 00; undefined when there is none or it is malformed,
 * because then a new trace starts.
 */
function traceparent(value: string | undefined): string | undefined {
  const match = TRACEPARENT.exec(value?.trim() ?? "");
  if (!match || (match[1] === "00" && match[3] !== undefined)) return undefined;
  return `00-${match[2]}`;
}

/** The trace that a request continues: its `traceparent`, and after a space its `tracestate`. */
export function traceOf(parent: string | undefined, state = ""): string | undefined {
  const known = traceparent(parent);
  const rest = state.trim();
  return known !== undefined && TRACESTATE.test(rest) ? `${known} ${rest}` : known;
}

/** A task or an event: the trace that it continues, if any, and its id. */
export interface Traced {
  readonly id: string;
  readonly trace?: string | undefined;
}

/**
 * The trace of a task or an event. One that continues none has a trace of its own, which follows from its id: so each
 * line of the log and each outgoing request names the same one, and nothing is stored for it. It counts as sampled,
 * because the log records it.
 */
export function traceFrom({ id, trace }: Traced): string {
  if (trace !== undefined) return trace;
  const digits = hex(idBytes(id));
  return `00-${digits}-${digits.slice(16)}-01`;
}

/** The id of its trace: 32 hexadecimal digits. */
export function traceIdOf(traced: Traced): string {
  return traceFrom(traced).slice(3, 35);
}

/** A trace as headers (sections 3.2 and 3.3). */
export function traceHeaders(trace: string): Readonly<Record<string, string>> {
  const [parent = "", ...state] = trace.split(" ");
  return { traceparent: parent, ...(state.length > 0 && { tracestate: state.join(" ") }) };
}
