import type { Follower, Following } from "../../../ports/task-commands.ts";
import type { ReadAnswer } from "../../../projects/caller.ts";
import type { TaskReader } from "../../../projects/principal.ts";
import type { TaskRecord } from "../../../tasks/record.ts";
import type { Context } from "../context.ts";
import { readTaskFields } from "../fields.ts";
import { keysOf } from "../keys.ts";
import { mayRead, proofOf } from "../proof.ts";
import { fieldsOf, named, script } from "../script.ts";

/** Reads a task and asks its next changes to be told on its channel, for a while. */
export const WATCH = script(
  "watch",
  `
local proj, task = KEYS[1], KEYS[2]
local a = named(ARGV) -- offset key secret for
local t = now(a.offset)
if a.key ~= '' then
  local no = denied(redis.call('HGET', proj, 'k:' .. a.key), a.secret, 'tasks:read', t)
  if no then return {no} end
end
local h, flat = hash(task)
if not h.status then return {'missing', ms(t)} end
if not TERMINAL[h.status] then redis.call('HSET', task, 'watch', ms(math.max(num(h.watch), t + a['for']))) end
return {'found', ms(t), flat}
`,
);

/** @param length how long changes are told, milliseconds */
export async function watch(
  context: Context,
  caller: TaskReader,
  id: string,
  length: number,
): Promise<ReadAnswer<{ record: TaskRecord }>> {
  if (!mayRead(caller, id)) return { kind: "forbidden" };
  const names = keysOf(caller.project);
  const [code, now, flat] = await context.quick(
    WATCH,
    [names.project, names.task(id)],
    named({ offset: context.offset, ...proofOf(caller), for: length }),
  );
  if (code === "unauthenticated" || code === "forbidden") return { kind: code };
  const record = readTaskFields(caller.project, id, fieldsOf(flat));
  return record ? { kind: "found", now: Number(now), record } : { kind: "missing", now: Number(now) };
}

/** How long the stream may take to open, milliseconds; then looking again and again is the surer way. */
const OPENING_TIMEOUT = 2_000;

/** The longest line that the stream may send; ours are far shorter. */
const LINE_LIMIT = 64 * 1024;

/**
 * Listens to a task's channel until it is closed: Upstash's REST SUBSCRIBE, an event stream
 * (https://upstash.com/docs/redis/features/restapi). Read here and not by the SDK, whose Subscriber ends without a
 * word when its connection does.
 */
export function follow(
  { url, token }: { readonly url: string; readonly token: string },
  project: string,
  id: string,
  follower: Follower,
): Following {
  const stop = new AbortController();
  let closed = false;
  const late = setTimeout(() => stop.abort(new Error("The stream did not open in time.")), OPENING_TIMEOUT);
  const hear = (kind: string, text: string): void => {
    if (closed) return;
    if (kind === "message") follower.onChange(text);
    if (kind !== "subscribe") return;
    clearTimeout(late);
    follower.onOpen();
  };
  const end = (reason: string): void => {
    clearTimeout(late);
    if (closed) return;
    closed = true;
    stop.abort();
    follower.onLost(reason);
  };
  subscribe(
    `${url.replace(/\/+$/, "")}/subscribe/${keysOf(project).task(id)}`,
    token,
    stop.signal,
    hear,
  ).then(
    () => end("The stream ended."),
    (error: unknown) => end(error instanceof Error ? `${error.name}: ${error.message}` : "error"),
  );
  return {
    close: () => {
      closed = true;
      clearTimeout(late);
      stop.abort();
    },
  };
}

type Hear = (kind: string, text: string) => void;

/** Reads `data: <kind>,<channel>,<text>` lines until the stream ends; a channel's name has no comma. */
async function subscribe(address: string, token: string, signal: AbortSignal, hear: Hear): Promise<void> {
  const response = await fetch(address, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, Accept: "text/event-stream" },
    signal,
  });
  const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
  if (!response.ok || !isStream || !response.body) {
    await response.body?.cancel();
    throw new Error(`SUBSCRIBE answered ${response.status}.`);
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_LIMIT) throw new Error("SUBSCRIBE sent a line without an end.");
    for (const line of lines) {
      const [, kind = "", text = ""] = /^data: ?([^,]*),[^,]*,(.*?)\r?$/.exec(line) ?? [];
      hear(kind, text);
    }
  }
}
