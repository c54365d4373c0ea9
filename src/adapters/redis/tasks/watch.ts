import type { Follower, Following } from "../../../ports/commands/task.ts";
import type { ReadAnswer } from "../../../projects/caller.ts";
import type { TaskReader } from "../../../projects/principal.ts";
import type { TaskRecord } from "../../../tasks/record.ts";
import type { Context } from "../context.ts";
import { readTaskFields } from "../fields.ts";
import { keysOf } from "../keys.ts";
import { isDenial, mayRead, proofOf } from "../proof.ts";
import { fieldsOf, named, script } from "../script.ts";

/** Reads a task and asks its next changes to be told on its channel, for a while. */
export const WATCH = script(
  "watch",
  `
-- KEYS
--   project        hash of the project
--   task           hash of the task
-- ARGV
--   offset         ms added to Redis's clock
--   key, secret    id of the API key, SHA-256 of its secret; empty: no API key is checked
--   length         ms for which changes are published
-- RETURNS
--   found, <now>, <task>    fields and values
--   missing, <now>          there is no such task
--   unauthenticated | forbidden | unknown-project
--                           the API key is unknown, or lacks \`tasks:read\`; there is no such project
local projectKey, taskKey = KEYS[1], KEYS[2]
local args = named(ARGV)
local now = clock(args.offset)
if args.key ~= '' then
  local refusal = denied(redis.call('HGET', projectKey, proofField(args.key)), args.secret, 'tasks:read', now)
  if refusal then return {refusal} end
end
local task, flat = hash(taskKey)
if not task.status then return {'missing', integer(now)} end
if not TERMINAL[task.status] then
  redis.call('HSET', taskKey, 'watch', integer(math.max(number(task.watch), now + args.length)))
end
return {'found', integer(now), flat}
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
    named({ offset: context.offset, ...proofOf(caller), length }),
  );
  if (isDenial(code)) return { kind: code };
  const record = await readTaskFields(context, caller.project, id, fieldsOf(flat));
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
