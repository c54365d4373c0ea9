import type { Api } from "./request.ts";

/** One server-sent event. */
export interface ServerEvent {
  readonly type: string;
  readonly id: string;
  readonly data: string;
}

/** Splits a stream into its events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let pending = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      pending += decoder.decode(value, { stream: true });
      const blocks = pending.split("\n\n");
      pending = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parse(block);
        if (event) yield event;
      }
    }
  } finally {
    await reader.cancel();
  }
}

function parse(block: string): ServerEvent | undefined {
  const fields = { event: "message", id: "", data: "" };
  for (const line of block.split("\n")) {
    const [, name, value = ""] = /^(event|id|data): ?(.*)$/.exec(line) ?? [];
    if (name === "event" || name === "id") fields[name] = value;
    if (name === "data") fields.data += fields.data === "" ? value : `\n${value}`;
  }
  return fields.data === "" ? undefined : { type: fields.event, id: fields.id, data: fields.data };
}

/** How long a stream that has ended is left alone: each is open for ten minutes, unless a proxy cuts it. */
const RECONNECT = 1_000;

/**
 * Follows a task's timeline until it ends: `onChange` is called for each event, and reconnects without loss.
 *
 * @throws RequestFailure when the stream cannot be opened, TypeError when the connection breaks
 */
export async function follow(
  api: Api,
  task: string,
  from: number,
  signal: AbortSignal,
  onChange: (event: ServerEvent) => void,
): Promise<void> {
  let last = `${from}`;
  while (!signal.aborted) {
    const response = await api.open(`/v1/tasks/${task}/events`, {
      headers: { Accept: "text/event-stream", "Last-Event-ID": last },
      signal,
    });
    if (response.status === 204 || !response.body) return;
    for await (const event of eventsIn(response.body)) {
      if (event.id !== "") last = event.id;
      onChange(event);
    }
    await new Promise((resolve) => setTimeout(resolve, RECONNECT));
  }
}
