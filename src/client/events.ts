import type { CallOptions, Connection } from "./connection.ts";
import { RingbackError } from "./error.ts";
import { anyOf, pause } from "./pause.ts";

/** A change of a task's state, or its progress. */
export interface TaskEvent {
  /** `task.started`, `task.progress`, `task.succeeded`… New ones may come. */
  readonly type: string;
  readonly at: string;
  readonly run: number;
  /** The task's `sequence` from then on; absent with `task.progress`. */
  readonly sequence?: number;
  /** The party that moved the task; absent with `task.progress`. */
  readonly actor?: string;
  readonly cause?: string;
  /** With `task.progress`: the attempt that reports. */
  readonly attempt?: number;
  readonly percent?: number;
  readonly message?: string;
}

export interface EventOptions extends CallOptions {
  /** The `sequence` after which to begin; every event unless given. */
  readonly after?: number;
}

/** After so long a silence a stream counts as cut, milliseconds; the gateway says something every 15 s. */
const SILENCE = 40_000;
const RECONNECT = 1_000;
const END = /^task\.(succeeded|failed|canceled|expired)$/;

/**
 * The events of a task, those that were and those to come, until it has ended. A connection that is lost is opened
 * again, and no change is missed or told twice. Of the progress the newest is told, once.
 */
export async function* taskEvents(
  connection: Connection,
  path: string,
  { after = 0, signal }: EventOptions,
): AsyncGenerator<TaskEvent, void, void> {
  let last = `${after}`;
  let reported: string | undefined;
  for (;;) {
    const stop = new AbortController();
    let isEnd = false;
    try {
      const call = {
        headers: { accept: "text/event-stream", "last-event-id": last },
        signal: anyOf(stop.signal, signal),
      };
      const response = await connection.open("GET", path, call);
      if (response.status === 204) return;
      for await (const { id, event, data } of messages(streamOf(response), stop)) {
        last = id || last;
        isEnd = END.test(event);
        const told: TaskEvent = { type: event, ...JSON.parse(data) };
        if (event === "task.progress") {
          // A stream that is opened again begins with the newest progress, which has no id.
          if (told.at === reported) continue;
          reported = told.at;
        }
        yield told;
      }
    } finally {
      stop.abort();
    }
    if (isEnd) return;
    await pause(RECONNECT, signal);
  }
}

/** @throws RingbackError `unexpected-answer` when something between answers without a stream */
function streamOf({ status, headers, body }: Response): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (body && headers.get("content-type")?.startsWith("text/event-stream")) return body;
  throw new RingbackError({
    code: "unexpected-answer",
    detail: "The answer is not a stream of events.",
    status,
  });
}

/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). */
async function* messages(body: ReadableStream<Uint8Array<ArrayBuffer>>, stop: AbortController) {
  let message = { id: "", event: "", data: "" };
  for await (const line of linesOf(body, stop)) {
    const [, name = "", value = ""] = /^(\w*):? ?(.*)$/s.exec(line) ?? [];
    if (name === "id" || name === "event") message = { ...message, [name]: value };
    if (name === "data") message = { ...message, data: message.data + value };
    if (line !== "") continue;
    if (message.data) yield message;
    message = { id: "", event: "", data: "" };
  }
}

/** The lines of a stream, until it ends, is cut, or is silent. */
async function* linesOf(body: ReadableStream<Uint8Array<ArrayBuffer>>, stop: AbortController) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const silence = setTimeout(() => stop.abort(), SILENCE);
    const chunk = await reader.read().catch(() => undefined); // cut: as good as its end
    clearTimeout(silence);
    if (!chunk || chunk.done) return;
    // A carriage return at the end may be half of a line's end.
    const lines = (rest + chunk.value).split(/\r\n|\n|\r(?=[^\n])/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
