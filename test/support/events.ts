import type { Client } from "./client.ts";

/** One server-sent event, and when its end came in. */
export interface SentEvent {
  readonly event: string;
  readonly id?: string;
  readonly data: string;
  /** Milliseconds, of `performance.now()`. */
  readonly at: number;
}

/** The events of a stream's text, as a browser dispatches them; comments and fields without data dispatch nothing. */
export function events(text: string, at = 0): SentEvent[] {
  return text.split("\n\n").flatMap((block) => {
    const fields = new Map<string, string>();
    for (const line of block.split("\n")) {
      const [, name = "", value = ""] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
      if (name) fields.set(name, value);
    }
    const data = fields.get("data");
    const id = fields.get("id");
    if (data === undefined) return [];
    return [{ event: fields.get("event") ?? "message", data, at, ...(id !== undefined && { id }) }];
  });
}

/** Opens a task's live timeline; `rest` reads it to its end. */
export async function follow(
  client: Client,
  id: string,
  options: { path?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<{ response: Response; rest(): Promise<{ text: string; events: SentEvent[] }> }> {
  const response = await fetch(`${client.url}/v1/tasks/${id}/events${options.path ?? ""}`, {
    headers: { accept: "text/event-stream", authorization: client.authorization, ...options.headers },
  });
  const rest = async (): Promise<{ text: string; events: SentEvent[] }> => {
    const seen: SentEvent[] = [];
    let text = "";
    let unread = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const piece = decoder.decode(chunk, { stream: true });
      text += piece;
      const blocks = (unread + piece).split("\n\n");
      unread = blocks.pop() ?? "";
      seen.push(...events(blocks.map((block) => `${block}\n\n`).join(""), performance.now()));
    }
    return { text, events: seen };
  };
  return { response, rest };
}
