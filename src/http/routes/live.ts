import type { Context } from "hono";
import { type SSEMessage, streamSSE } from "hono/streaming";
import * as z from "zod/mini";
import { StoreUnavailable } from "../../ports/errors.ts";
import { text } from "../../shared/schema-fields.ts";
import { getTask } from "../../tasks/read/get-task.ts";
import { HOLD, type LiveEvent, live } from "../../tasks/read/stream-events.ts";
import { isTerminal } from "../../tasks/status.ts";
import { timelineView, timestamp } from "../../tasks/view.ts";
import { acceptsStream, goneOf, preferencesOf } from "../pipeline/prefer.ts";
import { answer } from "../pipeline/respond.ts";
import { type Env, type Route, route } from "../pipeline/route.ts";

/** How soon a client comes again when its stream has ended, milliseconds. */
const RECONNECT = 1_000;

/** A comment that often keeps proxies from taking a silent stream for a dead one. */
const HEARTBEAT = 15_000;

/** How much longer than it is held a stream may take to be read to its end, milliseconds. */
const GRACE = 5_000;

/** How long a browser's token opens a task's live timeline, milliseconds. */
const TOKEN_LIFE = 5 * 60_000;

const events = route({
  method: "GET",
  path: "/v1/tasks/:id/events",
  operation: "listTaskEvents",
  summary: "Read a task's timeline, or follow it live",
  tag: "Tasks",
  access: "key-or-events-token",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  params: { id: "task" },
  query: z.strictObject({
    token: z.exactOptional(text(1, 1_000)),
    lastEventId: z.exactOptional(text(0, 100)),
  }),
  headers: ["Accept", "Last-Event-ID", "Prefer", "If-None-Match"],
  answers: {
    200: { shape: "TimelinePage", stream: true, headers: ["ETag", "Vary"] },
    204: { headers: ["Vary"] },
    304: { headers: ["ETag", "Vary"] },
  },
  cache: "revalidate",
  async handle({ c, ctx, caller, params, query }) {
    const { record } = await getTask(ctx, caller, params.id, {});
    if (!acceptsStream(c)) {
      return answer(c, 200, { data: record.timeline.map(timelineView), nextCursor: null });
    }
    // A browser's address keeps what it began with; what its EventSource has seen since is in the header.
    const after = sequenceIn(c.req.header("Last-Event-ID") ?? query.lastEventId, record.sequence);
    if (isTerminal(record.status) && after === record.sequence) return c.body(null, 204);
    const { wait } = preferencesOf(c);
    const hold = Math.min(HOLD, (wait ?? Number.POSITIVE_INFINITY) * 1_000);
    const stop = new AbortController();
    const gone = AbortSignal.any([goneOf(c), stop.signal]);
    const told = live(ctx, caller, record, { after, hold, gone });
    return stream(c, told, hold, stop, (error) =>
      ctx.log("warn", "stream-cut-short", { task: record.id, reason: error.message }),
    );
  },
});

const token = route({
  method: "POST",
  path: "/v1/tasks/:id/events-token",
  operation: "createEventsToken",
  summary: "Make a short-lived token that opens a task's live timeline",
  tag: "Tasks",
  access: "key",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  params: { id: "task" },
  answers: { 201: { shape: "EventsToken" } },
  async handle({ c, ctx, caller, params }) {
    const { record } = await getTask(ctx, caller, params.id, {});
    const { keyring, settings } = ctx;
    const expiresAt = Math.floor((ctx.clock() + TOKEN_LIFE) / 1_000) * 1_000;
    const made = await keyring.issueEventsToken(caller.project, record.id, expiresAt);
    const url = `${settings.publicUrl}/v1/tasks/${record.id}/events?token=${made}`;
    return answer(c, 201, { token: made, url, expiresAt: timestamp(expiresAt) });
  },
});

/** The sequence after which to go on; what no entry of this task can have begins anew. */
function sequenceIn(lastEventId: string | undefined, newest: number): number {
  const sequence = /^\d{1,15}$/.test(lastEventId ?? "") ? Number(lastEventId) : 0;
  return sequence <= newest ? sequence : 0;
}

/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
function stream(
  c: Context<Env>,
  told: AsyncIterable<LiveEvent>,
  hold: number,
  stop: AbortController,
  onCut: (error: Error) => void,
): Response {
  if (c.req.method === "HEAD") return c.body(null, 200, { "Content-Type": "text/event-stream" });
  const response = streamSSE(c, async (out) => {
    out.onAbort(() => stop.abort());
    const heartbeat = setInterval(() => void out.write(":\n\n"), HEARTBEAT);
    // A client that does not read holds what is written back; its stream is given up.
    const giveUp = setTimeout(() => out.abort(), hold + GRACE);
    try {
      await out.write(`retry: ${RECONNECT}\n\n`);
      for await (const one of told) await out.writeSSE(messageOf(one));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      onCut(error); // the client comes again, and loses nothing
    } finally {
      clearInterval(heartbeat);
      clearTimeout(giveUp);
      stop.abort();
    }
  });
  // The server's own business, and forbidden in HTTP/2.
  for (const name of ["Connection", "Transfer-Encoding"]) response.headers.delete(name);
  response.headers.set("Cache-Control", "no-store");
  return response;
}

/** Progress has no id, so that the last event's id stays a sequence. */
function messageOf(told: LiveEvent): SSEMessage {
  if (told.kind === "entry") {
    const { sequence, type } = told.entry;
    return { id: `${sequence}`, event: type, data: JSON.stringify(timelineView(told.entry)) };
  }
  const { run, attempt, progress } = told;
  const data = { run, attempt, ...progress, at: timestamp(progress.at) };
  return { event: "task.progress", data: JSON.stringify(data) };
}

export const liveRoutes: readonly Route[] = [events, token];
