import type { Context } from "hono";
import { type SSEMessage, streamSSE } from "hono/streaming";
import * as z from "zod/mini";
import { StoreUnavailable } from "../../../ports/errors.ts";
import { component, field, opt, time } from "../../../shared/schema/schema.ts";
import { text } from "../../../shared/schema/schema-fields.ts";
import { attemptFields } from "../../../tasks/log-fields.ts";
import { getTask } from "../../../tasks/read/get-task.ts";
import { HOLD, type LiveEvent, live } from "../../../tasks/read/stream-events.ts";
import { TimelinePage } from "../../../tasks/schema.ts";
import { isTerminal } from "../../../tasks/status.ts";
import { timelineView, timestamp } from "../../../tasks/view.ts";
import { acceptsStream, goneOf, preferencesOf } from "../../pipeline/prefer.ts";
import { type Env, type Route, route } from "../../pipeline/route.ts";
import { UNCHANGED } from "./task-answer.ts";

/** How soon a client reconnects when its stream has ended, milliseconds. */
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
  description:
    "Every change of the task's state, oldest first, with who made it. With `Accept: text/event-stream` each entry is an event (`id`: its sequence, `event`: its type, `data`: the entry), followed by those to come and by `task.progress` events; the stream ends after the end of the task, or after 10 minutes (`Prefer: wait=<seconds>`: earlier), and `Last-Event-ID` continues without loss. 204: the task has ended, and every entry was sent.",
  tag: "Tasks",
  access: "key-or-events-token",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  params: { id: "task" },
  query: z.strictObject({
    token: field(
      opt(text(1, 1_000)),
      "A token of `createBrowserToken` or `createEventsToken`, in place of an API key.",
    ),
    lastEventId: field(
      opt(text(0, 100)),
      "The same as `Last-Event-ID`, for clients that cannot send the header.",
    ),
  }),
  headers: ["Accept", "Last-Event-ID", "Prefer", "If-None-Match"],
  answers: {
    200: { description: "The timeline.", body: TimelinePage, stream: true, headers: ["ETag", "Vary"] },
    204: {
      description: "For streams: the task has ended, and the client has every entry.",
      headers: ["Vary"],
    },
    304: { description: UNCHANGED, headers: ["ETag", "Vary"] },
  },
  cache: "revalidate",
  async handle({ c, ctx, caller, params, query, reply, send }) {
    const { record } = await getTask(ctx, caller, params.id, {});
    if (!acceptsStream(c)) {
      return reply(200, { data: record.timeline.map(timelineView), nextCursor: null });
    }
    // An EventSource keeps its first address; the header has the last event that it received.
    const after = sequenceIn(c.req.header("Last-Event-ID") ?? query.lastEventId, record.sequence);
    if (isTerminal(record.status) && after === record.sequence) return reply(204, null);
    const { wait } = preferencesOf(c);
    const hold = Math.min(HOLD, (wait ?? Number.POSITIVE_INFINITY) * 1_000);
    const stop = new AbortController();
    const gone = AbortSignal.any([goneOf(c), stop.signal]);
    const events = live(ctx, caller, record, { after, hold, gone });
    const onCut = (error: Error): void =>
      ctx.log("warn", "stream-cut-short", { ...attemptFields(record), reason: error.message });
    return send(stream(c, events, hold, stop, onCut));
  },
});

const EventsToken = component(
  "EventsToken",
  () =>
    z.object({
      token: field(z.string(), "The token.", "rbe_…"),
      url: field(z.url(), "The live timeline with the token, for an `EventSource`."),
      expiresAt: field(time, "Until when a stream can be opened with it."),
    }),
  {
    description: "A token that opens one task's timeline, and nothing else.",
    example: {
      token: "rbe_3kqM",
      url: "https://ringback.example.com/v1/tasks/task_01kawv0m1ne0nvxf9dkb2jc5h0/events?token=rbe_3kqM",
      expiresAt: "2026-11-24T09:05:00.000Z",
    },
  },
);

const token = route({
  method: "POST",
  path: "/v1/tasks/:id/events-token",
  operation: "createEventsToken",
  summary: "Make a short-lived token that opens a task's live timeline",
  description:
    "For browsers, whose `EventSource` can send no API key: the token goes into the address. It lives for 5 minutes; a stream that is open goes on.",
  tag: "Tasks",
  access: "key",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  params: { id: "task" },
  answers: { 201: { description: "Made: the token.", body: EventsToken } },
  async handle({ ctx, caller, params, reply }) {
    const { record } = await getTask(ctx, caller, params.id, {});
    const { keyring, settings } = ctx;
    const expiresAt = Math.floor((ctx.clock() + TOKEN_LIFE) / 1_000) * 1_000;
    const made = await keyring.issueEventsToken(caller.project, record.id, expiresAt);
    const url = `${settings.publicUrl}/v1/tasks/${record.id}/events?token=${made}`;
    return reply(201, { token: made, url, expiresAt: timestamp(expiresAt) });
  },
});

/** The sequence after which to go on; 0 for one that no entry of this task has. */
function sequenceIn(lastEventId: string | undefined, newest: number): number {
  const sequence = /^\d{1,15}$/.test(lastEventId ?? "") ? Number(lastEventId) : 0;
  return sequence <= newest ? sequence : 0;
}

/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
function stream(
  c: Context<Env>,
  events: AsyncIterable<LiveEvent>,
  hold: number,
  stop: AbortController,
  onCut: (error: Error) => void,
): Response {
  if (c.req.method === "HEAD") return c.body(null, 200, { "Content-Type": "text/event-stream" });
  const response = streamSSE(c, async (out) => {
    out.onAbort(() => stop.abort());
    const heartbeat = setInterval(() => void out.write(":\n\n"), HEARTBEAT);
    // Unread data is buffered for a client that does not read; its stream is then ended.
    const giveUp = setTimeout(() => out.abort(), hold + GRACE);
    try {
      await out.write(`retry: ${RECONNECT}\n\n`);
      for await (const one of events) await out.writeSSE(messageOf(one));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      onCut(error); // the client reconnects, and loses nothing
    } finally {
      clearInterval(heartbeat);
      clearTimeout(giveUp);
      stop.abort();
    }
  });
  // The server sets it itself, and HTTP/2 forbids it.
  for (const name of ["Connection", "Transfer-Encoding"]) response.headers.delete(name);
  response.headers.set("Cache-Control", "no-store");
  return response;
}

/** Progress has no id, so that the last event's id stays a sequence. */
function messageOf(event: LiveEvent): SSEMessage {
  if (event.kind === "entry") {
    const { sequence, type } = event.entry;
    return { id: `${sequence}`, event: type, data: JSON.stringify(timelineView(event.entry)) };
  }
  const { run, attempt, progress } = event;
  const data = { run, attempt, ...progress, at: timestamp(progress.at) };
  return { event: "task.progress", data: JSON.stringify(data) };
}

export const liveRoutes: readonly Route[] = [events, token];
