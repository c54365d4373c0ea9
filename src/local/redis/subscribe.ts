import type { ServerResponse } from "node:http";
import type { Engine } from "../engine.ts";
import { BadRequest } from "./request.ts";

/** Streams channels as server-sent events (`data: message,<channel>,<text>`) until the client goes. */
export async function streamChannels(
  response: ServerResponse,
  engine: Engine,
  channels: readonly string[],
): Promise<void> {
  if (channels.length === 0) throw new BadRequest("ERR wrong number of arguments for 'subscribe' command");
  const ends: (() => Promise<void>)[] = [];
  // Before the first subscription: the client may go while it is made.
  const gone = new Promise<void>((resolve) => response.once("close", resolve));
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  for (const [i, channel] of channels.entries()) {
    const listener = (message: Buffer) => {
      // An event's data goes on over several `data:` lines (HTML, 9.2.6).
      const data = message.toString("utf8").replaceAll("\n", "\ndata: ");
      response.write(`data: message,${channel},${data}\n\n`);
    };
    ends.push(await engine.subscribe(channel, listener));
    response.write(`data: subscribe,${channel},${i + 1}\n\n`);
  }
  await gone;
  await Promise.all(ends.map((end) => end()));
}
