import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  ProxyTracerProvider,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { ApiError } from "../problems.ts";
import { traceOf } from "./trace-context.ts";

/*
 * Spans over the OpenTelemetry API. A span exists only where a provider is registered: Deno registers its own with
 * OTEL_DENO=true. Elsewhere the work runs as if this file did not exist.
 */

const NAME = "ringback";

const KINDS = {
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
  producer: SpanKind.PRODUCER,
} as const;

/** The name by which OpenTelemetry's own exporters, and Deno's `fetch`, know that a request is not theirs to trace. */
const UNTRACED = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

export interface SpanOptions {
  readonly kind: keyof typeof KINDS;
  /** The trace that it continues; a new one unless given. */
  readonly parent?: string | undefined;
  /** The span that caused it, in the form of a `traceparent`; its parent is not linked again. */
  readonly cause?: string | undefined;
  readonly attributes?: Attributes;
}

/** The span that some work runs in; none without a provider. */
export type ActiveSpan = Pick<Span, "setAttribute" | "setStatus"> | undefined;

/**
 * Runs work in a span of its own.
 *
 * @param work gets the trace to carry on: the span's; the parent's where there is no provider
 */
export function inSpan<T>(
  name: string,
  options: SpanOptions,
  work: (trace: string | undefined, span: ActiveSpan) => Promise<T>,
): Promise<T> {
  const tracer = tracerOf();
  return tracer ? withSpan(tracer, name, options, work) : work(options.parent, undefined);
}

async function withSpan<T>(
  tracer: Tracer,
  name: string,
  { kind, parent, cause, attributes }: SpanOptions,
  work: (trace: string, span: ActiveSpan) => Promise<T>,
): Promise<T> {
  const link = cause === parent?.split(" ")[0] ? undefined : remote(cause);
  const outer = within(parent);
  const span = tracer.startSpan(
    name,
    {
      kind: KINDS[kind],
      ...(attributes && { attributes }),
      ...(link && { links: [{ context: link }] }),
    },
    outer,
  );
  try {
    return await context.with(trace.setSpan(outer, span), () => work(written(span, parent), span));
  } catch (error) {
    failSpan(span, nameOf(error));
    throw error;
  } finally {
    span.end();
  }
}

/** A refusal by its code. Another error's text may hold what a span must not show: its name is enough. */
function nameOf(error: unknown): string {
  if (error instanceof ApiError) return error.code;
  return error instanceof Error ? error.name : "error";
}

/** Marks a span as failed, by the code of the failure. */
export function failSpan(span: ActiveSpan, code: string): void {
  span?.setAttribute("error.type", code);
  span?.setStatus({ code: SpanStatusCode.ERROR, message: code });
}

/** The trace of the span that is active here, where it continues the given one or none is given; else the given one. */
export function continued(given: string | undefined): string | undefined {
  const active = activeSpan();
  if (!active || (given !== undefined && given.slice(3, 35) !== active.spanContext().traceId)) return given;
  return written(active, given);
}

/** The `traceparent` of the span that is active here; undefined where there is none. */
export function activeTraceparent(): string | undefined {
  const active = activeSpan();
  return active && written(active, undefined);
}

/** Sends a request that carries a `traceparent` already: the runtime adds none of its own. */
export function carrying<T>(send: () => T): T {
  return tracerOf() ? context.with(context.active().setValue(UNTRACED, true), send) : send();
}

/** Undefined unless a provider is registered: then no span is ever made. */
function tracerOf(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider
    ? provider.getDelegateTracer(NAME)
    : provider.getTracer(NAME);
}

function activeSpan(): Span | undefined {
  return tracerOf() && trace.getActiveSpan();
}

function within(parent: string | undefined): Context {
  const known = remote(parent);
  const here = context.active();
  return known ? trace.setSpanContext(here, known) : here;
}

function remote(text: string | undefined): SpanContext | undefined {
  const known = traceOf(text?.split(" ")[0]);
  if (known === undefined) return undefined;
  const [, traceId = "", spanId = "", flags = ""] = known.split("-");
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

/** A span as a `traceparent`, with the `tracestate` of its trace. */
function written(span: Span, parent: string | undefined): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const [, ...state] = parent?.split(" ") ?? [];
  return [`00-${traceId}-${spanId}-${(traceFlags & 1).toString(16).padStart(2, "0")}`, ...state].join(" ");
}
